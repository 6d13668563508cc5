namespace Parametrize.CSharp;

/// <summary>A state dictionary that a model refuses, with every reason. Nothing was changed.</summary>
public sealed class StateDictException : Exception
{
    internal StateDictException(string model, IncompatibleKeys keys, IReadOnlyList<string> problems)
        : base(Describe(model, keys, problems)) =>
        (MissingKeys, UnexpectedKeys, Problems) = (keys.MissingKeys, keys.UnexpectedKeys, problems);

    /// <summary>What the model has and the dictionary does not; empty when loading was not strict.</summary>
    public IReadOnlyList<string> MissingKeys { get; }

    /// <summary>What the dictionary has and the model does not; empty when loading was not strict.</summary>
    public IReadOnlyList<string> UnexpectedKeys { get; }

    /// <summary>Tensors that do not fit, each with its key, what was expected and what was found.</summary>
    public IReadOnlyList<string> Problems { get; }

    private static string Describe(string model, IncompatibleKeys keys, IReadOnlyList<string> problems)
    {
        var lines = new List<string> { $"The state dictionary does not fit {model}; nothing was changed." };
        if (keys.MissingKeys.Count > 0)
            lines.Add($"Missing: {string.Join(", ", keys.MissingKeys)}.");
        if (keys.UnexpectedKeys.Count > 0)
            lines.Add($"Unexpected: {string.Join(", ", keys.UnexpectedKeys)}.");
        lines.AddRange(problems);
        if (problems.Count == 0)
            lines.Add(
                "Load with strict: false to take what fits"
                    + (
                        keys.MissingKeys.Any(key => key.Contains(".parametrizations.", StringComparison.Ordinal))
                            ? ": a tensor of which a piece is missing is then another than the saved one."
                            : "."
                    )
            );
        return string.Join(Environment.NewLine, lines);
    }
}

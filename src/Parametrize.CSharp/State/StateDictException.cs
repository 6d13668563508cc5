namespace Parametrize.CSharp;

/// <summary>Thrown for a state dictionary that does not fit a model, with all reasons. Nothing was changed.</summary>
public sealed class StateDictException : Exception
{
    internal StateDictException(string model, IncompatibleKeys keys, IReadOnlyList<string> problems)
        : base(Describe(model, keys, problems)) =>
        (MissingKeys, UnexpectedKeys, Problems) = (keys.MissingKeys, keys.UnexpectedKeys, problems);

    /// <summary>The keys that the model has and the dictionary lacks; empty when loading was not strict.</summary>
    public IReadOnlyList<string> MissingKeys { get; }

    /// <summary>The keys that the dictionary has and the model lacks; empty when loading was not strict.</summary>
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
            lines.Add(Advice(keys));
        return string.Join(Environment.NewLine, lines);
    }

    private static string Advice(IncompatibleKeys keys)
    {
        if (PrefixOf(keys) is { } prefix)
            return $"Every unexpected key begins with {prefix}, as DataParallel saves them: load with prefix: \"{prefix}\".";
        var beware = keys.MissingKeys.Any(key => key.Contains(".parametrizations.", StringComparison.Ordinal))
            ? " Note: a parametrized tensor with missing pieces will then differ from the saved one."
            : "";
        return $"Load with strict: false to load only what fits.{beware}";
    }

    /// <summary>What stands before all unexpected keys, if one of them is a missing key without it.</summary>
    private static string? PrefixOf(IncompatibleKeys keys) =>
        keys.UnexpectedKeys is not [var first, ..]
            ? null
            : keys
                .MissingKeys.Where(missing => first.EndsWith($".{missing}", StringComparison.Ordinal))
                .Select(missing => first[..^missing.Length])
                .FirstOrDefault(prefix =>
                    keys.UnexpectedKeys.All(key => key.StartsWith(prefix, StringComparison.Ordinal))
                );
}

/// <summary>Where a state dictionary and a model differ, after loading what they share.</summary>
/// <param name="MissingKeys">The keys that the model has and the dictionary lacks, in the model's order.</param>
/// <param name="UnexpectedKeys">The keys that the dictionary has and the model lacks, in the dictionary's order.</param>
public sealed record IncompatibleKeys(IReadOnlyList<string> MissingKeys, IReadOnlyList<string> UnexpectedKeys)
{
    /// <summary>The text that PyTorch prints.</summary>
    public override string ToString() =>
        MissingKeys.Count + UnexpectedKeys.Count == 0
            ? "<All keys matched successfully>"
            : $"IncompatibleKeys(missing_keys={Listed(MissingKeys)}, unexpected_keys={Listed(UnexpectedKeys)})";

    private static string Listed(IEnumerable<string> keys) => $"[{string.Join(", ", keys.Select(key => $"'{key}'"))}]";
}

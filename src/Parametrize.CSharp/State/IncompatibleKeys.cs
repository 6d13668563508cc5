namespace Parametrize.CSharp;

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

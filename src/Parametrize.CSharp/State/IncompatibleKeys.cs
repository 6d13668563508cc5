namespace Parametrize.CSharp;

/// <summary>Where a state dictionary and a model differ, after loading what they share.</summary>
/// <param name="MissingKeys">What the model has and the dictionary does not, in the model's order.</param>
/// <param name="UnexpectedKeys">What the dictionary has and the model does not, in the dictionary's order.</param>
public sealed record IncompatibleKeys(IReadOnlyList<string> MissingKeys, IReadOnlyList<string> UnexpectedKeys)
{
    /// <summary>As PyTorch prints it.</summary>
    public override string ToString() =>
        MissingKeys.Count + UnexpectedKeys.Count == 0
            ? "<All keys matched successfully>"
            : $"IncompatibleKeys(missing_keys={Listed(MissingKeys)}, unexpected_keys={Listed(UnexpectedKeys)})";

    private static string Listed(IEnumerable<string> keys) => $"[{string.Join(", ", keys.Select(key => $"'{key}'"))}]";
}

namespace Parametrize.CSharp;

/// <summary>Where a state dictionary and a model differ, after loading what they share.</summary>
/// <param name="MissingKeys">What the model has and the dictionary does not, in the model's order.</param>
/// <param name="UnexpectedKeys">What the dictionary has and the model does not, in the dictionary's order.</param>
public sealed record IncompatibleKeys(IReadOnlyList<string> MissingKeys, IReadOnlyList<string> UnexpectedKeys);

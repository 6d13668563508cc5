using static TorchSharp.torch;

namespace Parametrize.CSharp.State;

/// <summary>
/// The pieces from which a tensor is computed: their names in PyTorch (`original`, `0.base`), and their keys in the state.
/// </summary>
internal sealed record StatePieces(StateSource Source, IReadOnlyDictionary<string, string> Keys)
{
    /// <summary>Whether the keys are those of PyTorch's older functions (`weight_g`, `weight_orig`).</summary>
    public bool AreOld { get; init; }

    public Tensor this[string piece] => Source[Keys[piece]];

    /// <summary>The parameter with most entries. For the maps of this library it has the shape of the computed tensor.</summary>
    public Tensor Widest =>
        Keys.Where(piece => piece.Key.StartsWith("original", StringComparison.Ordinal))
            .Select(piece => Source[piece.Value])
            .DefaultIfEmpty(Source[Keys.Values.First()])
            .MaxBy(parameter => parameter.numel())!;

    public bool Are(IEnumerable<string> names) => Keys.Count == names.Count() && names.All(Keys.ContainsKey);

    public override string ToString() => string.Join(", ", Keys.Values);
}

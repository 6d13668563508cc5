using static TorchSharp.torch;

namespace Parametrize.CSharp.State;

/// <summary>What a tensor is computed from, by what PyTorch calls it (`original`, `0.base`) and its key in the state.</summary>
internal sealed record StatePieces(StateSource Source, IReadOnlyDictionary<string, string> Keys)
{
    /// <summary>Whether the keys are those of torch.nn.utils before there were parametrizations.</summary>
    public bool AreOld { get; init; }

    public Tensor this[string piece] => Source[Keys[piece]];

    /// <summary>The parameter with most entries: of the shape of what is computed, by maps of this library.</summary>
    public Tensor Widest =>
        Keys.Where(piece => piece.Key.StartsWith("original", StringComparison.Ordinal))
            .Select(piece => Source[piece.Value])
            .DefaultIfEmpty(Source[Keys.Values.First()])
            .MaxBy(parameter => parameter.numel())!;

    public bool Are(IEnumerable<string> names) => Keys.Count == names.Count() && names.All(Keys.ContainsKey);

    public override string ToString() => string.Join(", ", Keys.Values);
}

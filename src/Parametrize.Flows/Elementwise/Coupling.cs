using static TorchSharp.torch;

namespace Parametrize.Flows;

/// <summary>
/// Keeps some features and maps each of the others by parameters that a network tells from those (NICE and real NVP: Dinh et al.
/// 2015, 2017). Both directions cost one pass of the network.
/// </summary>
public sealed class Coupling : FlowLayer
{
    private const string First = "kept";
    private const string Second = "moved";
    private const string Back = "back";

    private readonly IElementMap _map;
    private readonly bool[] _keeps;
    private readonly long _contextSize;
    private readonly nn.Module<Tensor, Tensor> network;

    /// <param name="map">The map of single numbers: <see cref="AffineMap"/> or <see cref="SplineMap"/>.</param>
    /// <param name="keeps">For each feature of a vector, or channel of an image, whether it is kept: see <see cref="Masks"/>.</param>
    /// <param name="network">
    /// Makes the network. It reads `[N, kept + contextSize, ...]` and yields `[N, others * map.ParameterCount, ...]`.
    /// </param>
    /// <param name="contextSize">The size of the context that the network reads besides; 0 for none.</param>
    /// <exception cref="ArgumentException">All features are kept, or none.</exception>
    public Coupling(IElementMap map, bool[] keeps, NetworkFactory network, long contextSize = 0)
        : base(nameof(Coupling))
    {
        ArgumentNullException.ThrowIfNull(map);
        ArgumentNullException.ThrowIfNull(keeps);
        ArgumentNullException.ThrowIfNull(network);
        ArgumentOutOfRangeException.ThrowIfNegative(contextSize);
        if (keeps.Distinct().Count() != 2)
            throw new ArgumentException(
                $"Expected some features that are kept and some that are mapped; all {keeps.Length} are the same.",
                nameof(keeps)
            );
        (_map, _keeps, _contextSize) = (CheckedMap.Of(map), [.. keeps], contextSize);
        long[] order =
        [
            .. Enumerable.Range(0, keeps.Length).OrderByDescending(index => keeps[index]).Select(index => (long)index),
        ];
        var kept = keeps.Count(isKept => isKept);
        Keep(First, order[..kept]);
        Keep(Second, order[kept..]);
        Keep(Back, [.. Enumerable.Range(0, keeps.Length).Select(feature => (long)Array.IndexOf(order, (long)feature))]);
        this.network =
            network(kept + contextSize, (keeps.Length - kept) * map.ParameterCount)
            ?? throw new ArgumentException(
                "The factory of the network has made none: it returned null.",
                nameof(network)
            );
        register_module(nameof(network), this.network);
    }

    private Tensor Chosen(Tensor data, string positions) => data.index_select(1, Kept(positions));

    /// <inheritdoc/>
    public override bool ReadsContext => _contextSize > 0;

    /// <inheritdoc/>
    public override long[] LatentShape(long[] dataShape) => Features.Require(dataShape, _keeps.Length, this);

    /// <inheritdoc/>
    public override long[] DataShape(long[] latentShape) => Features.Require(latentShape, _keeps.Length, this);

    /// <inheritdoc/>
    protected override (Tensor Latent, Tensor LogDet) Map(Tensor data, Tensor? context)
    {
        var (kept, moved, parameters) = Read(data, context);
        var (value, logDerivative) = _map.Forward(moved, parameters);
        return (Joined(kept, value), Batches.Sum(logDerivative));
    }

    /// <inheritdoc/>
    protected override Tensor MapBack(Tensor latent, Tensor? context)
    {
        var (kept, moved, parameters) = Read(latent, context);
        return Joined(kept, _map.Inverse(moved, parameters));
    }

    /// <inheritdoc/>
    protected override (Tensor Data, Tensor LogDet) MapBackWithLogDet(Tensor latent, Tensor? context)
    {
        var (kept, moved, parameters) = Read(latent, context);
        var data = _map.Inverse(moved, parameters);
        return (Joined(kept, data), Batches.Sum(_map.Forward(data, parameters).LogDerivative));
    }

    private (Tensor Kept, Tensor Moved, Tensor Parameters) Read(Tensor data, Tensor? context)
    {
        if (_contextSize > 0)
            Contexts.RequireSize(context, _contextSize, this);
        var kept = Chosen(data, First);
        // The network gets a copy, because it may work in place.
        var told = network.call(Contexts.Beside(kept.clone(), _contextSize > 0 ? context : null));
        var moved = Chosen(data, Second);
        return (kept, moved, Features.Parameters(told, moved, moved.shape[1], _map.ParameterCount, this));
    }

    private Tensor Joined(Tensor kept, Tensor moved) => Chosen(cat([kept, moved], 1), Back);

    /// <inheritdoc/>
    public override string ToString() =>
        $"Coupling({_map}, [{string.Concat(_keeps.Select(keeps => keeps ? '1' : '0'))}]{Contexts.Shown(_contextSize)})";
}

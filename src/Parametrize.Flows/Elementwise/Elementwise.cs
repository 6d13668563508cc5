using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Parametrize.Flows;

/// <summary>A map for each feature of its own, whose parameters are trained directly. It begins as the identity.</summary>
public sealed class Elementwise : FlowLayer
{
    private readonly IElementMap _map;
    private readonly long _features;
    private readonly Parameter parameters_of_map;

    /// <param name="map">The map.</param>
    /// <param name="features">The size of the second dimension of the data.</param>
    public Elementwise(IElementMap map, long features)
        : base(nameof(Elementwise))
    {
        ArgumentNullException.ThrowIfNull(map);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(features);
        (_map, _features) = (CheckedMap.Of(map), features);
        parameters_of_map = new(zeros(features, map.ParameterCount).DetachFromDisposeScope());
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override long[] LatentShape(long[] dataShape) => Features.Require(dataShape, _features, this);

    /// <inheritdoc/>
    public override long[] DataShape(long[] latentShape) => Features.Require(latentShape, _features, this);

    /// <inheritdoc/>
    protected override (Tensor Latent, Tensor LogDet) Map(Tensor data, Tensor? context)
    {
        var (value, logDerivative) = _map.Forward(data, For(data));
        return (value, Batches.Sum(logDerivative));
    }

    /// <inheritdoc/>
    protected override Tensor MapBack(Tensor latent, Tensor? context) => _map.Inverse(latent, For(latent));

    private Tensor For(Tensor data) =>
        Features.AlongSecond(parameters_of_map, data).expand([.. data.shape, _map.ParameterCount]);

    /// <inheritdoc/>
    public override string ToString() => $"Elementwise({_map}, {_features})";
}

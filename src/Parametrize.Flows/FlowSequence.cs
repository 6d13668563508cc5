using static TorchSharp.torch;

namespace Parametrize.Flows;

/// <summary>Layers behind one another; those of the state are named by their positions.</summary>
internal sealed class FlowSequence : FlowLayer
{
    private readonly FlowLayer[] _layers;

    public FlowSequence(FlowLayer[] layers)
        : base("FlowSequence")
    {
        _layers = layers;
        foreach (var (index, layer) in layers.Index())
            register_module(index.ToString(), layer);
    }

    public static FlowLayer[] LayersOf(FlowLayer layer) => layer is FlowSequence sequence ? sequence._layers : [layer];

    public override bool IsBijection => _layers.All(layer => layer.IsBijection);

    public override bool ReadsContext => _layers.Any(layer => layer.ReadsContext);

    internal override bool TakesWholeNumbers => _layers[0].TakesWholeNumbers;

    public override long[] LatentShape(long[] dataShape) =>
        _layers.Aggregate(dataShape, (shape, layer) => layer.LatentShape(shape));

    public override long[] DataShape(long[] latentShape) =>
        _layers.Reverse().Aggregate(latentShape, (shape, layer) => layer.DataShape(shape));

    protected override (Tensor Latent, Tensor LogDet) Map(Tensor data, Tensor? context)
    {
        var (latent, sum) = (data, (Tensor?)null);
        foreach (var layer in _layers)
        {
            (latent, var logDet) = layer.Mapped(latent, context);
            sum = sum is null ? logDet : sum + logDet;
        }
        return (latent, sum!);
    }

    protected override Tensor MapBack(Tensor latent, Tensor? context) =>
        _layers.Reverse().Aggregate(latent, (tensor, layer) => layer.MappedBack(tensor, context));

    public override string ToString() => string.Join(" >>> ", _layers.Select(layer => layer.ToString()));
}

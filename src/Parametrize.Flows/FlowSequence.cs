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

    internal override bool TakesAll => _layers.All(layer => layer.TakesAll);

    internal override Reached After(Reached before) =>
        _layers.Aggregate(before, (reached, layer) => layer.After(reached));

    public override long[] LatentShape(long[] dataShape)
    {
        var shape = dataShape;
        foreach (var (index, layer) in _layers.Index())
            try
            {
                shape = layer.LatentShape(shape);
            }
            catch (ArgumentException refused) when (index > 0)
            {
                throw new ArgumentException(
                    $"{refused.Message} It follows {_layers[index - 1]}, which yields {Batches.Shown(shape)} for data {Batches.Shown(dataShape)}.",
                    refused
                );
            }
        return shape;
    }

    public override long[] DataShape(long[] latentShape) =>
        _layers.Reverse().Aggregate(latentShape, (shape, layer) => layer.DataShape(shape));

    protected override (Tensor Latent, Tensor LogDet) Map(Tensor data, Tensor? context)
    {
        var (latent, sum) = (data, (Tensor?)null);
        foreach (var layer in _layers)
        {
            (latent, var logDet) = layer.Mapped(latent, context);
            sum = sum is null ? logDet : sum.Plus(logDet);
        }
        return (latent, sum!);
    }

    protected override Tensor MapBack(Tensor latent, Tensor? context) =>
        _layers.Reverse().Aggregate(latent, (tensor, layer) => layer.MappedBack(tensor, context));

    protected override (Tensor Data, Tensor LogDet) MapBackWithLogDet(Tensor latent, Tensor? context)
    {
        var (data, sum) = (latent, (Tensor?)null);
        foreach (var layer in _layers.Reverse())
        {
            (data, var logDet) = layer.MappedBackWithLogDet(data, context);
            sum = sum is null ? logDet : sum.Plus(logDet);
        }
        return (data, sum!);
    }

    public override string ToString() => string.Join(" >>> ", _layers.Select(layer => layer.ToString()));
}

using static TorchSharp.torch;

namespace Parametrize.Flows;

/// <summary>A bijective layer with its directions exchanged.</summary>
internal sealed class InvertedLayer : FlowLayer
{
    private readonly FlowLayer layer;

    public InvertedLayer(FlowLayer layer)
        : base("Inverted")
    {
        this.layer = layer;
        RegisterComponents();
    }

    /// <summary>The layer that is inverted.</summary>
    public FlowLayer Inner => layer;

    public override bool ReadsContext => layer.ReadsContext;

    internal override Reached After(Reached before) =>
        (layer, before) switch
        {
            ({ TakesAll: true }, _) => base.After(before),
            (_, Reached.Lost) => before,
            (Constrained constrained, Reached.All) => new Reached.Of(constrained.Value),
            _ => new Reached.Some(),
        };

    public override long[] LatentShape(long[] dataShape) => layer.DataShape(dataShape);

    public override long[] DataShape(long[] latentShape) => layer.LatentShape(latentShape);

    protected override (Tensor Latent, Tensor LogDet) Map(Tensor data, Tensor? context)
    {
        var (latent, logDet) = layer.MappedBackWithLogDet(data, context);
        return (latent, -logDet);
    }

    protected override Tensor MapBack(Tensor latent, Tensor? context) => MapBackWithLogDet(latent, context).Data;

    protected override (Tensor Data, Tensor LogDet) MapBackWithLogDet(Tensor latent, Tensor? context)
    {
        var (data, logDet) = layer.Mapped(latent, context);
        return (Images.OrElse(data, logDet, double.NaN), -logDet);
    }

    public override string ToString() => $"({layer}).Inverted()";
}

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

    public override bool ReadsContext => layer.ReadsContext;

    internal override bool TakesAll => layer.IsOnto;

    internal override bool IsOnto => layer.TakesAll;

    public override long[] LatentShape(long[] dataShape) => layer.DataShape(dataShape);

    public override long[] DataShape(long[] latentShape) => layer.LatentShape(latentShape);

    protected override (Tensor Latent, Tensor LogDet) Map(Tensor data, Tensor? context)
    {
        var latent = layer.MappedBack(data, context);
        return (latent, -layer.Mapped(latent, context).LogDet);
    }

    protected override Tensor MapBack(Tensor latent, Tensor? context)
    {
        var (data, logDet) = layer.Mapped(latent, context);
        return Images.OrElse(data, logDet, double.NaN);
    }

    public override string ToString() => $"({layer}).Inverted()";
}

using static TorchSharp.torch;

namespace Parametrize.Flows;

/// <summary>
/// Keeps the first features and drops the others, for which it has a density: the projection onto the first k coordinates, a
/// submersion. Repeated it is the multi-scale architecture of real NVP (Dinh et al. 2017); see also SurVAE flows (Nielsen et al.
/// 2020). On the way back what was dropped is drawn from the density.
/// </summary>
public sealed class Slice : FlowLayer
{
    private readonly long _keeps;
    private readonly bool _isConditional;
    private readonly IDensity dropped;

    /// <param name="keeps">How many features, or channels, are kept.</param>
    /// <param name="dropped">The density of the others.</param>
    /// <param name="isConditional">
    /// Whether the density is given what is kept as its context (<see cref="ConditionalNormal"/>, or a flow with one), and behind it
    /// the context of the flow, if there is one. Else it is given the context of the flow only.
    /// </param>
    public Slice(long keeps, IDensity dropped, bool isConditional = false)
        : base(nameof(Slice))
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(keeps);
        ArgumentNullException.ThrowIfNull(dropped);
        if (isConditional && !dropped.ReadsContext)
            throw new ArgumentException(
                $"{dropped} reads no context, so that it cannot be given what is kept. Take a ConditionalNormal or a flow with a contextSize, or leave isConditional out.",
                nameof(dropped)
            );
        (_keeps, this.dropped, _isConditional) = (keeps, dropped, isConditional);
        Densities.Register(this, nameof(dropped), dropped);
    }

    /// <inheritdoc/>
    public override bool IsBijection => false;

    internal override Reached After(Reached before) =>
        before is not Reached.All && dropped.IsEverywhere ? new Reached.Lost() : base.After(before);

    /// <inheritdoc/>
    public override bool ReadsContext => dropped.ReadsContext;

    /// <inheritdoc/>
    public override long[] LatentShape(long[] dataShape)
    {
        Expect(dataShape, [_keeps + dropped.Shape[0], .. dropped.Shape[1..]]);
        return [_keeps, .. dataShape[1..]];
    }

    /// <inheritdoc/>
    public override long[] DataShape(long[] latentShape)
    {
        Expect(latentShape, [_keeps, .. dropped.Shape[1..]]);
        return [_keeps + dropped.Shape[0], .. latentShape[1..]];
    }

    private void Expect(long[] found, long[] expected)
    {
        if (!found.SequenceEqual(expected))
            throw new ArgumentException(
                $"{this} takes data of shape {Batches.Shown(expected)}; found {Batches.Shown(found)}."
            );
    }

    /// <inheritdoc/>
    protected override (Tensor Latent, Tensor LogDet) Map(Tensor data, Tensor? context)
    {
        var kept = data.narrow(1, 0, _keeps);
        return (kept, Densities.LogProb(dropped, data.narrow(1, _keeps, dropped.Shape[0]), ContextOf(kept, context)));
    }

    /// <inheritdoc/>
    protected override Tensor MapBack(Tensor latent, Tensor? context) =>
        cat([latent, Densities.Sample(dropped, latent.shape[0], ContextOf(latent, context))], 1);

    /// <inheritdoc/>
    protected override (Tensor Data, Tensor LogDet) MapBackWithLogDet(Tensor latent, Tensor? context)
    {
        var (sample, logDensity) = Densities.SampleWithLogProb(dropped, latent.shape[0], ContextOf(latent, context));
        return (cat([latent, sample], 1), logDensity);
    }

    private Tensor? ContextOf(Tensor kept, Tensor? context) =>
        _isConditional ? Contexts.Beside(kept, context) : context;

    /// <inheritdoc/>
    public override string ToString() => $"Slice({_keeps}, {dropped})";
}

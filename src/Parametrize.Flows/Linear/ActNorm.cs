using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Parametrize.Flows;

/// <summary>
/// Scales and shifts each feature: `z = (x + b) exp(s)` (Glow: Kingma and Dhariwal 2018). The first batch in training sets b and
/// s so that each feature of z has mean 0 and variance 1, also under `no_grad`; then they are trained like all others. Until then
/// the layer is the identity.
/// </summary>
public sealed class ActNorm : FlowLayer
{
    private readonly long _features;
    private readonly Parameter shift;
    private readonly Parameter log_scale;
    private readonly Tensor is_set;

    /// <param name="features">The size of the vectors, or the channels of the images.</param>
    public ActNorm(long features)
        : base(nameof(ActNorm))
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(features);
        _features = features;
        (shift, log_scale, is_set) = (
            new(zeros(features).DetachFromDisposeScope()),
            new(zeros(features).DetachFromDisposeScope()),
            zeros([], dtype: int64).DetachFromDisposeScope()
        );
        RegisterComponents();
    }

    /// <summary>Whether a batch has set b and s.</summary>
    public bool IsSet => is_set.item<long>() != 0;

    /// <inheritdoc/>
    public override long[] LatentShape(long[] dataShape) => Features.Require(dataShape, _features, this);

    /// <inheritdoc/>
    public override long[] DataShape(long[] latentShape) => Features.Require(latentShape, _features, this);

    /// <inheritdoc/>
    protected override (Tensor Latent, Tensor LogDet) Map(Tensor data, Tensor? context)
    {
        Begin(data, isInverted: false);
        var latent = data.Plus(Features.AlongSecond(shift, data)) * Features.AlongSecond(log_scale, data).exp();
        return (latent, LogDet(data));
    }

    private Tensor LogDet(Tensor data) =>
        (Batches.Sum(log_scale.unsqueeze(0)) * ((double)Batches.Count(data.shape[2..])).AsScalar()).expand(
            data.shape[0]
        );

    /// <inheritdoc/>
    protected override (Tensor Data, Tensor LogDet) MapBackWithLogDet(Tensor latent, Tensor? context)
    {
        Begin(latent, isInverted: true);
        return (MapBack(latent, context), LogDet(latent));
    }

    /// <inheritdoc/>
    protected override Tensor MapBack(Tensor latent, Tensor? context) =>
        latent * Features.AlongSecond(log_scale, latent).neg().exp() - Features.AlongSecond(shift, latent);

    /// <summary>Sets b and s by the first batch that goes to latent tensors. One thread does it; others wait.</summary>
    /// <param name="batch">The batch that the layer gets.</param>
    /// <param name="isInverted">Whether the layer is inverted, so that the batch goes through it backwards.</param>
    private void Begin(Tensor batch, bool isInverted)
    {
        if (!training || Sampling.IsRunning || batch.shape[0] == 0 || IsSet)
            return;
        lock (is_set)
            if (!IsSet)
                SetBy(batch, isInverted);
    }

    private void SetBy(Tensor data, bool isInverted)
    {
        using var _ = no_grad();
        var rows = data.detach().transpose(0, 1).flatten(1);
        if (rows.size(1) < 2)
            throw new InvalidOperationException(
                $"{this} takes mean and variance from the first batch in training mode, which has one number only for each feature. Give a batch of data first, or call eval(). Nothing has changed."
            );
        var (mean, spread) = (rows.mean([1L]), rows.std(1, unbiased: false));
        if (!mean.isfinite().all().item<bool>())
            throw new InvalidOperationException(
                $"{this} takes mean and variance from the first batch, which has NaN or infinite numbers. Nothing has changed."
            );
        // A feature keeps its scale if it is constant in this batch, or if its spread is so small that 1 / spread is not finite.
        // Constancy is checked by the extremes, because the computed spread of equal numbers may be the rounding error of their
        // mean.
        var isScaled = rows.amax([1L]).gt(rows.amin([1L])).logical_and(spread.reciprocal().isfinite());
        var scale = where(isScaled, spread, ones_like(spread));
        shift.copy_(isInverted ? mean / scale : mean.neg());
        log_scale.copy_(isInverted ? scale.log() : scale.log().neg());
        is_set.fill_(1.0.AsScalar());
    }

    /// <summary>
    /// Makes the layer the identity again, until the next batch in training mode sets it. Use it after a forward pass in training
    /// mode that was only meant to inspect densities; call `eval()` before such a pass to avoid this.
    /// </summary>
    public void Reset()
    {
        using var _ = no_grad();
        lock (is_set)
        {
            shift.zero_();
            log_scale.zero_();
            is_set.zero_();
        }
    }

    /// <inheritdoc/>
    public override string ToString() => $"ActNorm({_features})";
}

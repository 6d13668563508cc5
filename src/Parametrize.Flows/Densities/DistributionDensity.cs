using static TorchSharp.torch;
using static TorchSharp.torch.distributions;

namespace Parametrize.Flows;

/// <summary>
/// A distribution of TorchSharp as a density: its batch and its event together are one tensor. It stays in its element type and
/// on its device; a context is not looked at.
/// </summary>
public sealed class DistributionDensity : IDensity
{
    private readonly Distribution _distribution;

    /// <param name="distribution">A distribution of real tensors. The caller disposes it, after the flow.</param>
    /// <exception cref="ArgumentException">The distribution is one of single numbers, without a shape.</exception>
    public DistributionDensity(Distribution distribution)
    {
        ArgumentNullException.ThrowIfNull(distribution);
        Shape = Densities.Checked([.. distribution.batch_shape, .. distribution.event_shape]);
        _distribution = distribution;
    }

    /// <inheritdoc/>
    public long[] Shape { get; }

    /// <inheritdoc/>
    public Tensor log_prob(Tensor data, Tensor? context = null)
    {
        Batches.Require(data, Shape, ToString(), nameof(data));
        using var scope = NewDisposeScope();
        return Batches.Sum(_distribution.log_prob(data)).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    /// <exception cref="NotImplementedException">TorchSharp cannot draw from the distribution with gradients.</exception>
    public Tensor rsample(long count, Tensor? context = null) =>
        is_grad_enabled() ? _distribution.rsample(count) : _distribution.sample(count);

    /// <summary>The name of the distribution, and the shape.</summary>
    public override string ToString() => $"DistributionDensity({_distribution.GetType().Name} {Batches.Shown(Shape)})";
}

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
        long[] shape = [.. distribution.batch_shape, .. distribution.event_shape];
        if (shape.Length == 0)
            throw new ArgumentException(
                $"{distribution.GetType().Name} is one of single numbers, without a shape: give its parameters as tensors, such as Normal(zeros(2), ones(2)).",
                nameof(distribution)
            );
        Shape = Densities.Checked(shape);
        _distribution = distribution;
    }

    /// <inheritdoc/>
    public long[] Shape { get; }

    /// <inheritdoc/>
    public Tensor log_prob(Tensor data, Tensor? context = null)
    {
        Batches.Require(data, Shape, ToString(), nameof(data));
        using var scope = NewDisposeScope();
        // Outside of its support TorchSharp has NaN for some.
        var densities = Batches.Sum(_distribution.log_prob(data));
        var nothing = full_like(densities, double.NegativeInfinity.AsScalar());
        return where(densities.isnan().logical_and(data.flatten(1).isfinite().all(1)), nothing, densities)
            .MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    /// <exception cref="NotImplementedException">TorchSharp cannot draw from the distribution with gradients.</exception>
    public Tensor rsample(long count, Tensor? context = null) =>
        is_grad_enabled() ? _distribution.rsample(count) : _distribution.sample(count);

    /// <summary>The name of the distribution, and the shape.</summary>
    public override string ToString() => $"DistributionDensity({_distribution.GetType().Name} {Batches.Shown(Shape)})";
}

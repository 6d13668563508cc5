using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Parametrize.Flows;

/// <summary>
/// A distribution of TorchSharp as a density: its batch and its event together are one tensor. It stays in its element type and
/// on its device; a context is not looked at. The density of a Dirichlet distribution is one by the area of the simplex, as everywhere in
/// flows: log n / 2 less than TorchSharp's, which is by n - 1 of the numbers.
/// </summary>
public sealed class DistributionDensity : IDensity
{
    private readonly distributions.Distribution _distribution;

    /// <param name="distribution">A distribution of real tensors. The caller disposes it, after the flow.</param>
    /// <exception cref="ArgumentException">
    /// The distribution is one of single numbers, without a shape; or one of separate values, which has no density.
    /// </exception>
    public DistributionDensity(distributions.Distribution distribution)
    {
        ArgumentNullException.ThrowIfNull(distribution);
        if (IsDiscrete(distribution))
            throw new ArgumentException(
                $"{distribution.GetType().Name} has probabilities of separate values, no density. Give a continuous distribution; a flow of whole numbers begins with a Dequantization.",
                nameof(distribution)
            );
        if (distribution is Pareto or Weibull)
            throw new ArgumentException(
                $"TorchSharp's {distribution.GetType().Name} has log densities outside of its support. Make it of layers: a Constrained, and a density of free numbers.",
                nameof(distribution)
            );
        long[] shape = [.. distribution.batch_shape, .. distribution.event_shape];
        if (shape.Length == 0)
            throw new ArgumentException(
                $"{distribution.GetType().Name} is one of single numbers, without a shape: give its parameters as tensors, such as Normal(zeros(2), ones(2)).",
                nameof(distribution)
            );
        Shape = Densities.Checked(shape);
        _distribution = distribution;
    }

    private static bool IsDiscrete(distributions.Distribution distribution) =>
        distribution
            is Bernoulli
                or Binomial
                or Categorical
                or Geometric
                or Multinomial
                or NegativeBinomial
                or OneHotCategorical
                or Poisson;

    /// <inheritdoc/>
    public long[] Shape { get; }

    bool IDensity.IsEverywhere => _distribution is Normal or MultivariateNormal or Laplace or Cauchy or Gumbel;

    /// <summary>
    /// log sqrt n for probability vectors of n numbers: TorchSharp's density is by n - 1 of them, one of a flow by the area.
    /// </summary>
    private double LogArea =>
        _distribution is Dirichlet
            ? Batches.Count([.. _distribution.batch_shape]) * Math.Log(_distribution.event_shape[^1]) / 2
            : 0;

    /// <inheritdoc/>
    public Tensor log_prob(Tensor data, Tensor? context = null)
    {
        Batches.Require(data, Shape, $"{this} takes", nameof(data));
        using var scope = NewDisposeScope();
        // Outside of its support TorchSharp has NaN for some.
        var densities = Batches.Sum(_distribution.log_prob(data));
        if (LogArea > 0)
            densities -= LogArea.AsScalar();
        var nothing = full_like(densities, double.NegativeInfinity.AsScalar());
        var isNothing = densities.isnan().logical_and(data.flatten(1).isfinite().all(1));
        if (Support(data) is { } support)
            isNothing = isNothing.logical_or(support.flatten(1).all(1).logical_not());
        return where(isNothing, nothing, densities).MoveToOuterDisposeScope();
    }

    /// <summary>Where TorchSharp has numbers outside of the support: which numbers lie in it. Else null.</summary>
    private Tensor? Support(Tensor data) =>
        _distribution switch
        {
            Exponential => data.ge(0.0.AsScalar()),
            Beta => data.ge(0.0.AsScalar()).logical_and(data.le(1.0.AsScalar())),
            Dirichlet => data.ge(0.0.AsScalar())
                .logical_and(
                    (data.sum(-1, keepdim: true) - 1.0.AsScalar())
                        .abs()
                        .le((Images.Roundoffs * FormModule.epsilon(data.dtype)).AsScalar())
                ),
            _ => null,
        };

    /// <inheritdoc/>
    /// <exception cref="NotImplementedException">TorchSharp cannot draw from the distribution with gradients.</exception>
    public Tensor rsample(long count, Tensor? context = null) =>
        is_grad_enabled() ? _distribution.rsample(count) : _distribution.sample(count);

    /// <summary>The name of the distribution, and the shape.</summary>
    public override string ToString() => $"DistributionDensity({_distribution.GetType().Name} {Batches.Shown(Shape)})";
}

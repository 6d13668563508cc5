using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Parametrize.Flows;

/// <summary>
/// A distribution of TorchSharp as a density of tensors whose shape is the batch shape followed by the event shape. It stays in
/// its element type and on its device, and ignores the context. The density of a Dirichlet distribution is with respect to the
/// area of the simplex, as everywhere in flows. It is log n / 2 less than TorchSharp's, which is with respect to n - 1 of the
/// numbers.
/// </summary>
public sealed class DistributionDensity : IDensity
{
    private readonly distributions.Distribution _distribution;

    /// <summary>
    /// log sqrt n for probability vectors of n numbers: TorchSharp's density is with respect to n - 1 of them, that of a flow
    /// with respect to the area.
    /// </summary>
    private readonly double _logArea;

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
        if (distribution is Independent)
            throw new ArgumentException(
                "Give the distribution that is inside of Independent: its batch and its event are one tensor here.",
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
        if (distribution is Dirichlet)
            _logArea = Batches.Count([.. distribution.batch_shape]) * Math.Log(distribution.event_shape[^1]) / 2;
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

    bool IDensity.IsEverywhere =>
        _distribution is Normal or MultivariateNormal or Laplace or Cauchy or Gumbel or LogitRelaxedBernoulli;

    /// <inheritdoc/>
    public Tensor log_prob(Tensor data, Tensor? context = null)
    {
        Batches.Require(data, Shape, $"{this} takes", nameof(data));
        using var scope = NewDisposeScope();
        var (densities, isNothing) = Measured(data);
        if (!isNothing.any().item<bool>())
            return densities.MoveToOuterDisposeScope();
        var nothing = full_like(densities, double.NegativeInfinity.AsScalar());
        if (isNothing.all().item<bool>())
            return nothing.MoveToOuterDisposeScope();
        // Data outside of the support are replaced by a datum inside, so that the derivatives of the others are finite.
        var inside = data.detach()[isNothing.logical_not().nonzero()[0, 0].item<long>()].unsqueeze(0);
        var (found, _) = Measured(where(Images.ForEach(isNothing, data), inside, data));
        return where(isNothing, nothing, found).MoveToOuterDisposeScope();
    }

    /// <summary>
    /// TorchSharp's log densities, and which data are outside of the support. For some of these, TorchSharp yields NaN or a
    /// finite number.
    /// </summary>
    private (Tensor Densities, Tensor IsNothing) Measured(Tensor data)
    {
        var densities = Batches.Sum(_distribution.log_prob(data));
        if (_logArea > 0)
            densities -= _logArea.AsScalar();
        var isNothing = densities
            .isnan()
            .logical_and(data.flatten(1).isfinite().all(1))
            .logical_or(densities.isneginf());
        return (
            densities,
            Support(data) is { } support ? isNothing.logical_or(support.flatten(1).all(1).logical_not()) : isNothing
        );
    }

    /// <summary>
    /// Which numbers lie in the support, for distributions to which TorchSharp gives finite densities outside of it; null for
    /// others.
    /// </summary>
    private Tensor? Support(Tensor data) =>
        _distribution switch
        {
            Exponential => data.ge(0.0.AsScalar()),
            Beta or RelaxedBernoulli => data.ge(0.0.AsScalar()).logical_and(data.le(1.0.AsScalar())),
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

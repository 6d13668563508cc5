using static TorchSharp.torch;

namespace Parametrize.Flows;

/// <summary>
/// Independent normal numbers whose means and standard deviations a network tells from the context. Where the network yields
/// zeros it is the standard normal density.
/// </summary>
public sealed class ConditionalNormal : nn.Module<Tensor, Tensor>, IDensity
{
    private readonly nn.Module<Tensor, Tensor> network;

    /// <param name="shape">The shape of one tensor.</param>
    /// <param name="network">
    /// From the context `[N, ...]` to `[N, 2 features, ...]`: the means, then the logarithms of the standard deviations.
    /// </param>
    public ConditionalNormal(long[] shape, nn.Module<Tensor, Tensor> network)
        : base(nameof(ConditionalNormal))
    {
        ArgumentNullException.ThrowIfNull(network);
        (Shape, this.network) = (Densities.Checked(shape), network);
        RegisterComponents();
    }

    /// <inheritdoc/>
    public long[] Shape { get; }

    /// <summary>Means and logarithms of standard deviations, for a context.</summary>
    public override Tensor forward(Tensor context) => network.call(context);

    /// <inheritdoc/>
    public Tensor log_prob(Tensor data, Tensor? context = null)
    {
        Batches.Require(data, Shape, ToString(), nameof(data));
        using var scope = NewDisposeScope();
        var (mean, logScale) = Moments(context);
        return (
            Densities.StandardNormal((data - mean) * (-logScale).exp()) - Batches.Sum(logScale)
        ).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public Tensor rsample(long count, Tensor? context = null)
    {
        using var scope = NewDisposeScope();
        var (mean, logScale) = Moments(context);
        return (mean + logScale.exp() * randn_like(mean)).MoveToOuterDisposeScope();
    }

    private (Tensor Mean, Tensor LogScale) Moments(Tensor? context)
    {
        if (context is null)
            throw new ArgumentNullException(nameof(context), $"{this} depends on a context; found none.");
        var told = network.call(context);
        Batches.Require(
            told,
            [2 * Shape[0], .. Shape[1..]],
            "The network of ConditionalNormal has to yield what",
            "network"
        );
        return (told.narrow(1, 0, Shape[0]), told.narrow(1, Shape[0], Shape[0]));
    }

    /// <summary>The shape.</summary>
    public override string ToString() => $"ConditionalNormal({Batches.Shown(Shape)})";
}

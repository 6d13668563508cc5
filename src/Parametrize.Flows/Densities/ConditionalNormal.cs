using static TorchSharp.torch;

namespace Parametrize.Flows;

/// <summary>
/// Independent normal numbers whose means and standard deviations a network tells from the context, as an <see cref="AffineMap"/>
/// of standard normal numbers: standard deviations are between exp(-5) and exp(5). Where the network yields zeros the density is
/// the standard normal one.
/// </summary>
public sealed class ConditionalNormal : nn.Module<Tensor, Tensor>, IDensity
{
    private static readonly AffineMap Map = new();

    private readonly nn.Module<Tensor, Tensor> network;

    /// <param name="shape">The shape of one tensor.</param>
    /// <param name="network">
    /// From the context `[N, ...]` to `[N, 2 features, ...]`: the means, then the parameters of the standard deviations.
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

    bool IDensity.IsEverywhere => true;

    /// <inheritdoc/>
    public bool ReadsContext => true;

    /// <summary>What the network tells for a context.</summary>
    public override Tensor forward(Tensor context) => network.call(context);

    /// <inheritdoc/>
    public Tensor log_prob(Tensor data, Tensor? context = null)
    {
        Batches.Require(data, Shape, $"{this} takes", nameof(data));
        using var scope = NewDisposeScope();
        var parameters = Parameters(Contexts.Rows(context, data.size(0), isRead: true, this));
        var (_, logScale) = Map.Forward(data, parameters);
        return (
            Densities.StandardNormal(Map.Inverse(data, parameters)) - Batches.Sum(logScale)
        ).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public Tensor rsample(long count, Tensor? context = null)
    {
        using var scope = NewDisposeScope();
        var parameters = Parameters(Contexts.Rows(context, count, isRead: true, this));
        return Map.Forward(randn_like(parameters.select(-1, 0)), parameters).Value.MoveToOuterDisposeScope();
    }

    private Tensor Parameters(Tensor? context)
    {
        if (context is null)
            throw new ArgumentException($"{this} depends on a context; found none.", nameof(context));
        // The network gets a copy, because it may work in place.
        var told = network.call(context.clone());
        Batches.Require(
            told,
            [Map.ParameterCount * Shape[0], .. Shape[1..]],
            $"The network of {this} has to yield",
            nameof(network)
        );
        return told.reshape([told.shape[0], Map.ParameterCount, .. Shape]).movedim([1L], [-1L]);
    }

    /// <summary>The shape.</summary>
    public override string ToString() => $"ConditionalNormal({Batches.Shown(Shape)})";
}

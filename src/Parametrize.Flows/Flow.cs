using static TorchSharp.torch;

namespace Parametrize.Flows;

/// <summary>
/// A normalising flow: a density of data that is given by layers, which take data to latent tensors, and a density of these.
/// log p(x) = log q(f(x)) + log |det f'(x)| (Rezende and Mohamed 2015). The first dimension of every tensor counts the data.
/// </summary>
/// <remarks>
/// A flow is a module: `parameters`, `to`, `state_dict`, `save` and `load` work as everywhere. It is a density itself, and can be
/// that of what a layer yields (`layer >> flow`) or drops (<see cref="Slice"/>).
/// </remarks>
public sealed class Flow : nn.Module<Tensor, Tensor>, IDensity
{
    private readonly FlowLayer transform;
    private readonly IDensity latent;
    private bool _isDisposed;

    /// <summary>A flow to a standard normal density.</summary>
    /// <param name="transform">The layers.</param>
    /// <param name="dataShape">The shape of one datum, such as `2` or `1, 8, 8`.</param>
    /// <exception cref="ArgumentException">A layer does not take what comes to it.</exception>
    public Flow(FlowLayer transform, params long[] dataShape)
        : this(transform, new StandardNormal(Given(transform).LatentShape(dataShape)), dataShape) { }

    /// <summary>A flow to a given density.</summary>
    /// <param name="transform">The layers.</param>
    /// <param name="latent">A density of what the layers yield.</param>
    /// <exception cref="ArgumentException">The layers do not yield tensors of that shape.</exception>
    public Flow(FlowLayer transform, IDensity latent)
        : this(transform, latent, Given(transform).DataShape(Given(latent).Shape)) { }

    private Flow(FlowLayer transform, IDensity latent, long[] dataShape)
        : base(nameof(Flow))
    {
        if (!transform.LatentShape(dataShape).SequenceEqual(latent.Shape))
            throw new ArgumentException(
                $"{transform} takes data of shape {Batches.Shown(dataShape)} to {Batches.Shown(transform.LatentShape(dataShape))}; the latent density is of {Batches.Shown(latent.Shape)}.",
                nameof(latent)
            );
        if (
            transform.After(new Reached.All()) is var reached
            && (reached is Reached.Lost || reached is not Reached.All && latent.IsEverywhere)
        )
            throw new ArgumentException(
                $"{transform} yields only some of the tensors of shape {Batches.Shown(latent.Shape)}; {latent} has mass at others, so that the density of data would not integrate to 1. Give a density of what the layers yield: a flow that begins with the layer which is inverted here, or a distribution with that support.",
                nameof(latent)
            );
        (this.transform, this.latent, Shape) = (transform, latent, [.. dataShape]);
        register_module(nameof(transform), transform);
        Densities.Register(this, nameof(latent), latent);
    }

    private static T Given<T>(T value)
        where T : class
    {
        ArgumentNullException.ThrowIfNull(value);
        return value;
    }

    /// <summary>The shape of one datum.</summary>
    public long[] Shape { get; }

    /// <inheritdoc/>
    public bool ReadsContext => transform.ReadsContext || latent.ReadsContext;

    bool IDensity.IsEverywhere => transform.TakesAll && latent.IsEverywhere;

    /// <summary>The layers.</summary>
    public FlowLayer Transform => transform;

    /// <summary>The density of what the layers yield.</summary>
    public IDensity Latent => latent;

    /// <summary>Latent tensors for data `[N, ...]`.</summary>
    public override Tensor forward(Tensor data) => forward(data, null);

    /// <summary>Latent tensors for data `[N, ...]`, given a context `[N, size]`.</summary>
    public Tensor forward(Tensor data, Tensor? context) => transform.forward(Checked(data), OfTransform(context));

    /// <summary>The context for the layers; null if only the latent density reads it.</summary>
    private Tensor? OfTransform(Tensor? context) => transform.ReadsContext || !latent.ReadsContext ? context : null;

    /// <inheritdoc cref="forward(Tensor, Tensor?)"/>
    public Tensor call(Tensor data, Tensor? context) => forward(data, context);

    /// <summary>Data `[N, ...]` that have these latent tensors.</summary>
    public Tensor inverse(Tensor latent, Tensor? context = null)
    {
        RequireAlive();
        Batches.Require(latent, this.latent.Shape, $"The latent density takes", nameof(latent));
        return transform.inverse(latent, OfTransform(context));
    }

    /// <summary>The log density of each datum, in nats.</summary>
    /// <param name="data">`[N, ...]`.</param>
    /// <param name="context">For a flow that depends on a context: `[N, size]`, or `[1, size]` for the same one everywhere.</param>
    /// <returns>A new tensor `[N]`, through which gradients flow. -inf for data that the flow cannot yield.</returns>
    /// <exception cref="ArgumentException">The data are of another shape, or not whole numbers for a Dequantization.</exception>
    public Tensor log_prob(Tensor data, Tensor? context = null)
    {
        Checked(data);
        using var scope = NewDisposeScope();
        var rows = transform.Rows(context, data.size(0), ReadsContext, this, latent);
        var (tensor, logDet) = transform.Mapped(data, rows);
        var densities = Densities.LogProb(latent, tensor, rows).Plus(logDet);
        // Data that the flow cannot yield have no gradient.
        return where(densities.isneginf(), densities.detach(), densities).MoveToOuterDisposeScope();
    }

    /// <summary>Random data, without gradients.</summary>
    /// <param name="count">How many.</param>
    /// <param name="context">For a flow that depends on a context: `[count, size]`, or `[1, size]` for the same one everywhere.</param>
    /// <returns>A new tensor `[count, ...]`.</returns>
    public Tensor sample(long count, Tensor? context = null)
    {
        using var _ = no_grad();
        return rsample(count, context);
    }

    /// <summary>Random data, through which gradients reach the parameters of the flow.</summary>
    /// <inheritdoc cref="sample"/>
    public Tensor rsample(long count, Tensor? context = null)
    {
        RequireAlive();
        using var scope = NewDisposeScope();
        using var _ = Sampling.Begin();
        var rows = transform.Rows(context, count, ReadsContext, this, latent);
        return transform.MappedBack(Densities.Sample(latent, count, rows), rows).MoveToOuterDisposeScope();
    }

    /// <summary>Random data and their log densities, as a loss of variational inference needs them, with gradients.</summary>
    /// <inheritdoc cref="sample"/>
    /// <returns>New tensors `[count, ...]` and `[count]`.</returns>
    public (Tensor Data, Tensor LogDensity) rsample_and_log_prob(long count, Tensor? context = null)
    {
        RequireAlive();
        using var scope = NewDisposeScope();
        using var _ = Sampling.Begin();
        var rows = transform.Rows(context, count, ReadsContext, this, latent);
        var (tensor, density) = Densities.SampleWithLogProb(latent, count, rows);
        // Computed from the latent tensors, because the rounded data may have a different density.
        var (data, logDet) = transform.MappedBackWithLogDet(tensor, rows);
        return (data.MoveToOuterDisposeScope(), density.Plus(logDet).MoveToOuterDisposeScope());
    }

    /// <summary>The flow as it is made in F#.</summary>
    public override string ToString() => $"{transform} >>> {latent}";

    private Tensor Checked(Tensor data)
    {
        RequireAlive();
        Batches.Require(data, Shape, $"The flow takes", nameof(data));
        transform.RequireKind(data, "The flow", transform.TakesWholeNumbers, nameof(data), latent);
        return data;
    }

    private void RequireAlive()
    {
        if (_isDisposed)
            throw new ObjectDisposedException(
                nameof(Flow),
                "This flow was disposed, alone or with the module that has it."
            );
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        _isDisposed = true;
        base.Dispose(disposing);
    }
}

using static TorchSharp.torch;

namespace Parametrize.Flows;

/// <summary>Independent normal numbers of mean 0 and variance 1. A context is not looked at.</summary>
public sealed class StandardNormal : nn.Module<Tensor, Tensor>, IDensity
{
    // Tells element type and device, and moves with the flow; no part of its state.
    private readonly Tensor _place;

    /// <param name="shape">The shape of one tensor.</param>
    /// <exception cref="ArgumentException">The shape is empty.</exception>
    public StandardNormal(params long[] shape)
        : base(nameof(StandardNormal))
    {
        Shape = Densities.Checked(shape);
        _place = zeros(1);
        register_buffer(nameof(_place), _place, persistent: false);
    }

    /// <inheritdoc/>
    public long[] Shape { get; }

    /// <summary>The log density.</summary>
    public override Tensor forward(Tensor data) => log_prob(data);

    /// <inheritdoc/>
    public Tensor log_prob(Tensor data, Tensor? context = null)
    {
        Batches.Require(data, Shape, ToString(), nameof(data));
        using var scope = NewDisposeScope();
        return Densities.StandardNormal(data).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public Tensor rsample(long count, Tensor? context = null)
    {
        var place = get_buffer(nameof(_place))!;
        return randn([count, .. Shape], dtype: place.dtype, device: place.device);
    }

    /// <summary>As it is made in F#.</summary>
    public override string ToString() => $"StandardNormal({string.Join(", ", Shape)})";
}

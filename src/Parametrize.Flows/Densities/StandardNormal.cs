using static TorchSharp.torch;

namespace Parametrize.Flows;

/// <summary>Independent normal numbers of mean 0 and variance 1. A context is not looked at.</summary>
public sealed class StandardNormal : nn.Module<Tensor, Tensor>, IDensity
{
    private ScalarType _dtype = get_default_dtype();
    private Device _device = get_default_device();

    /// <param name="shape">The shape of one tensor.</param>
    /// <exception cref="ArgumentException">The shape is empty.</exception>
    public StandardNormal(params long[] shape)
        : base(nameof(StandardNormal))
    {
        Shape = Densities.Checked(shape);
    }

    /// <inheritdoc/>
    public long[] Shape { get; }

    bool IDensity.IsEverywhere => true;

    /// <summary>The log density.</summary>
    public override Tensor forward(Tensor data) => log_prob(data);

    /// <inheritdoc/>
    public Tensor log_prob(Tensor data, Tensor? context = null)
    {
        Batches.Require(data, Shape, $"{this} takes", nameof(data));
        using var scope = NewDisposeScope();
        return Densities.StandardNormal(data).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public Tensor rsample(long count, Tensor? context = null) =>
        randn([count, .. Shape], dtype: _dtype, device: _device);

    /// <inheritdoc/>
    protected override void _toEpilog(ScalarType? dtype, Device? device, bool non_blocking)
    {
        base._toEpilog(dtype, device, non_blocking);
        (_dtype, _device) = (dtype ?? _dtype, device ?? _device);
    }

    /// <summary>As it is made in F#.</summary>
    public override string ToString() => $"StandardNormal({string.Join(", ", Shape)})";
}

using static TorchSharp.torch;

namespace Parametrize.Flows;

/// <summary>
/// Whole numbers 0 to levels - 1, pixels say, as real numbers in [0, 1): `z = (x + u) / levels` with u uniform, drawn anew each time.
/// The log density of the data is then a lower bound of their log probability (Theis et al. 2016). The way back rounds down.
/// </summary>
public sealed class Dequantization : FlowLayer
{
    private readonly long _levels;
    private ScalarType _dtype = get_default_dtype();

    /// <param name="levels">
    /// How many values a number of the data has: at least 2 and at most 2^50, a quarter of the numbers that the element type has
    /// between 1 and 2.
    /// </param>
    public Dequantization(long levels)
        : base(nameof(Dequantization))
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(levels, 2);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(levels, Most(float64));
        _levels = levels;
    }

    /// <summary>How many levels an element type can tell apart, and noise between them.</summary>
    private static long Most(ScalarType dtype) => (long)(0.25 / FormModule.epsilon(dtype));

    /// <inheritdoc/>
    public override bool IsBijection => false;

    internal override bool TakesWholeNumbers => true;

    /// <inheritdoc/>
    protected override (Tensor Latent, Tensor LogDet) Map(Tensor data, Tensor? context)
    {
        var real = data.is_floating_point() ? data : data.to_type(_dtype);
        if (_levels > Most(real.dtype))
            throw new ArgumentException(
                $"{real.dtype} has too few numbers between two of {_levels} levels for noise: use {(_levels > Most(float32) ? "float64" : "float32")}.",
                nameof(data)
            );
        var isLevel = real.ge(0.0.AsScalar())
            .logical_and(real.lt(((double)_levels).AsScalar()))
            .logical_and(real.eq(real.floor()));
        if (!isLevel.all().item<bool>())
            throw new ArgumentException(
                $"{this} takes whole numbers from 0 to {_levels - 1}; {isLevel.logical_not().sum().item<long>()} of {data.numel()} are others.",
                nameof(data)
            );
        var latent = real.Plus(rand_like(real)) / ((double)_levels).AsScalar();
        // Rounding may have reached the next number.
        var middle = real.Plus(0.5) / ((double)_levels).AsScalar();
        latent = where(MapBack(latent, null).eq(real).logical_and(latent.lt(1.0.AsScalar())), latent, middle);
        var numbers = data.numel() / Math.Max(1, data.shape[0]);
        return (latent, Batches.Zeros(real) - (numbers * Math.Log(_levels)).AsScalar());
    }

    /// <inheritdoc/>
    protected override Tensor MapBack(Tensor latent, Tensor? context) =>
        (latent * ((double)_levels).AsScalar()).floor().clamp(0.0.AsScalar(), ((double)_levels - 1).AsScalar());

    /// <inheritdoc/>
    protected override void _toEpilog(ScalarType? dtype, Device? device, bool non_blocking)
    {
        base._toEpilog(dtype, device, non_blocking);
        _dtype = dtype ?? _dtype;
    }

    /// <inheritdoc/>
    public override string ToString() => $"Dequantization({_levels})";
}

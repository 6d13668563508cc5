using Parametrize.Values;

namespace Parametrize.CSharp;

/// <content>Weights as training uses them in practice.</content>
public static partial class Parametrizations
{
    /// <summary>
    /// Tensors on a grid of some bits, with gradients straight through: rounded as
    /// `torch.fake_quantize_per_channel_affine` rounds them.
    /// </summary>
    /// <param name="bits">2 to 8, or 16. Default: 8.</param>
    /// <param name="scheme">Whether zero is the middle of the grid. Default: symmetric.</param>
    /// <param name="granularity">Which entries share a scale. Default: the channels of dimension 0.</param>
    /// <exception cref="ArgumentException">Other bits.</exception>
    public static Parametrization FakeQuantized(
        int bits = 8,
        QuantizationScheme? scheme = null,
        Granularity? granularity = null
    ) =>
        FakeQuantizedValues.fakeQuantized(
            bits,
            scheme ?? QuantizationScheme.Symmetric,
            granularity ?? Granularity.NewChannel(0)
        );

    /// <summary>`a sign X`, where a is the mean modulus, with gradients straight through.</summary>
    /// <param name="granularity">Which entries share a size. Default: the channels of dimension 0.</param>
    public static Parametrization Binary(Granularity? granularity = null) =>
        SignsValues.binary(granularity ?? Granularity.NewChannel(0));

    /// <summary>Zeros and signs times a number, with gradients straight through.</summary>
    /// <param name="granularity">Which entries share a size. Default: the channels of dimension 0.</param>
    public static Parametrization Ternary(Granularity? granularity = null) =>
        SignsValues.ternary(granularity ?? Granularity.NewChannel(0));
}

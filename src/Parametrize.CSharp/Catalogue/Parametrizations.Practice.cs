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
    /// <exception cref="ArgumentException">The number of bits is another one.</exception>
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

    /// <summary>
    /// Entries `-a`, 0 and `a`, with gradients straight through. Small entries become 0; a is the mean modulus of the others.
    /// </summary>
    /// <param name="granularity">Which entries share a size. Default: the channels of dimension 0.</param>
    public static Parametrization Ternary(Granularity? granularity = null) =>
        SignsValues.ternary(granularity ?? Granularity.NewChannel(0));

    /// <summary>
    /// At most `keep` of each `size` consecutive entries in the last dimension are other than 0: those of largest modulus, chosen
    /// anew in each pass, with gradients straight through.
    /// </summary>
    /// <exception cref="ArgumentException">`keep` is below 1 or above `size`.</exception>
    public static Parametrization GroupSparse(int keep, int size) => GroupSparseValues.groupSparse(keep, size);

    /// <summary>Channels of mean 0 and standard deviation 1.</summary>
    /// <param name="dimension">The dimension of the channels. Default: 0.</param>
    public static Parametrization WeightStandardized(int dimension = 0) =>
        WeightStandardizedValues.weightStandardized(dimension);

    /// <summary>
    /// `g X` from a value of the number g, which has to be unconstrained, and a value of X, which has spectral norm 1.
    /// </summary>
    /// <exception cref="ArgumentException">There are not two values, or one does not fit.</exception>
    public static Parametrization Gain(params Parametrization[] inputs) =>
        GainValues.gain(ListModule.OfArray(NotNull(inputs)));

    /// <summary>Every real tensor, as a number times a tensor of spectral norm 1.</summary>
    public static Parametrization SigmaReparametrized => GainValues.sigmaReparametrized;

    /// <summary>Almost orthogonal n x k matrices, whose spectral norm is at most 1.</summary>
    public static Parametrization Aol => AolValues.aol;

    /// <summary>
    /// Almost orthogonal kernels `[out, in, k...]`, whose convolution has the operator norm 1 at most on inputs of any size.
    /// </summary>
    public static Parametrization AolConvolution => AolValues.aolConvolution;

    /// <summary>
    /// Kernels `[out, in, k...]` whose convolution has a given operator norm on inputs of these sizes, with circular padding.
    /// </summary>
    /// <param name="sizes">The sizes of the input without its channels: height and width of an image.</param>
    /// <param name="bound">The norm. Default: 1.</param>
    /// <exception cref="ArgumentException">
    /// The bound is not positive and finite, or sizes are missing, not positive, or of more than 2^24 places together.
    /// </exception>
    public static Parametrization ConvolutionNorm(long[] sizes, double bound = 1) =>
        ConvolutionNormValues.convolutionNorm(ListModule.OfArray(NotNull(sizes)), bound);

    /// <summary>
    /// The operator norm of the convolution with a kernel `[out, in, k...]` on inputs of these sizes, with circular padding:
    /// one real number, differentiable.
    /// </summary>
    /// <exception cref="ArgumentException">Sizes that do not suit the kernel.</exception>
    public static Tensor ConvolutionOperatorNorm(Tensor kernel, params long[] sizes)
    {
        var given = NotNull(kernel);
        return Parametrize.ConvolutionNorm.operatorNorm(ListModule.OfArray(NotNull(sizes)), given);
    }

    /// <summary>The tensor as it is, and in training with independent normal numbers of this deviation added.</summary>
    /// <exception cref="ArgumentException">A deviation that is not positive and finite.</exception>
    public static Parametrization WeightNoise(double deviation) => NoiseValues.weightNoise(deviation);

    /// <summary>The tensor as it is, and in training with each entry zero with this probability (DropConnect).</summary>
    /// <exception cref="ArgumentException">A probability outside of [0, 1).</exception>
    public static Parametrization WeightDropout(double probability) => NoiseValues.weightDropout(probability);
}

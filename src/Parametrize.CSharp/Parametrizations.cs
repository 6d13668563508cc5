using System.Runtime.CompilerServices;
using Microsoft.FSharp.Collections;
using Microsoft.FSharp.Core;
using Parametrize.CSharp.Values;
using Parametrize.Values;
using static TorchSharp.torch;
using Core = Parametrize.ParametrizationModule;

namespace Parametrize.CSharp;

/// <summary>The values of the library: what constrains a tensor, and how. Immutable, comparable, composable.</summary>
public static partial class Parametrizations
{
    /// <summary>Every tensor.</summary>
    public static Parametrization Identity => Combining.identity;

    /// <summary>Symmetric n x n matrices, from one triangle and the diagonal; PyTorch's tutorial takes the upper.</summary>
    public static Parametrization Symmetric => SymmetricValues.symmetric;

    /// <inheritdoc cref="Symmetric"/>
    public static Parametrization SymmetricFrom(Triangle triangle) => SymmetricValues.symmetricFrom(Given(triangle));

    /// <summary>Hermitian n x n matrices, from one triangle and the real diagonal; real tensors are symmetric.</summary>
    public static Parametrization Hermitian => SymmetricValues.hermitian;

    /// <inheritdoc cref="Hermitian"/>
    public static Parametrization HermitianFrom(Triangle triangle) => SymmetricValues.hermitianFrom(Given(triangle));

    /// <summary>Skew-symmetric n x n matrices, from one strict triangle; PyTorch's tutorial takes the upper.</summary>
    public static Parametrization Skew => SkewValues.skew;

    /// <inheritdoc cref="Skew"/>
    public static Parametrization SkewFrom(Triangle triangle) => SkewValues.skewFrom(Given(triangle));

    /// <summary>Skew-Hermitian n x n matrices, from one strict triangle and the imaginary diagonal.</summary>
    public static Parametrization SkewHermitian => SkewValues.skewHermitian;

    /// <inheritdoc cref="SkewHermitian"/>
    public static Parametrization SkewHermitianFrom(Triangle triangle) => SkewValues.skewHermitianFrom(Given(triangle));

    /// <summary>Triangular n x k matrices, optionally with ones on the diagonal.</summary>
    public static Parametrization Triangular(Triangle triangle, bool unitDiagonal = false) =>
        unitDiagonal ? TriangularValues.unitTriangular(Given(triangle)) : TriangularValues.triangular(Given(triangle));

    /// <summary>Diagonal n x k matrices.</summary>
    public static Parametrization Diagonal => TriangularValues.diagonal;

    /// <summary>n x k matrices with orthonormal columns (rows, when wide). Projects by QR, as PyTorch does.</summary>
    /// <param name="map">Default: as PyTorch, the exponential for square or complex tensors, else Householder.</param>
    /// <param name="trivialized">
    /// With a base that follows assignments, so that every such matrix can be assigned. False: the map alone; square
    /// real matrices of the exponential and the Cayley map then have determinant 1. Default: true.
    /// </param>
    public static Parametrization Orthogonal(OrthogonalMap? map = null, bool trivialized = true) =>
        OrthogonalValues.stiefel(map ?? OrthogonalMap.Default, trivialized);

    /// <summary>n x k matrices with orthonormal columns (rows, when wide), by the Cayley map.</summary>
    /// <param name="trivialized">With a base: see <see cref="Orthogonal"/>. Default: true.</param>
    public static Parametrization Cayley(bool trivialized = true) =>
        OrthogonalValues.stiefel(OrthogonalMap.Cayley, trivialized);

    /// <summary>n x k matrices with orthonormal columns (rows, when wide), by the matrix exponential.</summary>
    /// <param name="trivialized">With a base: see <see cref="Orthogonal"/>. Default: true.</param>
    public static Parametrization MatrixExp(bool trivialized = true) =>
        OrthogonalValues.stiefel(OrthogonalMap.MatrixExp, trivialized);

    /// <summary>Real n x k matrices with orthonormal columns (rows, when wide), by Householder reflections.</summary>
    /// <param name="trivialized">With a base: see <see cref="Orthogonal"/>. Default: true.</param>
    public static Parametrization Householder(bool trivialized = true) =>
        OrthogonalValues.stiefel(OrthogonalMap.Householder, trivialized);

    /// <summary>The value on convolution kernels `[out, in, k...]`, read as matrices `out x (in k...)`.</summary>
    /// <exception cref="ArgumentException">The value reads several tensors.</exception>
    public static Parametrization OnKernel(Parametrization matrix) => Combining.onKernel(Given(matrix));

    /// <summary>`W = g v / |v|`, the norm over all dimensions but one, or over the whole tensor.</summary>
    /// <param name="dimension">The one that keeps its own norms; null for one norm of the whole. Default: 0.</param>
    public static Parametrization WeightNorm(int? dimension = 0) =>
        dimension is { } kept ? WeightNormValues.weightNorm(kept) : WeightNormValues.weightNormWhole;

    /// <summary>A given spectral norm, by power iteration while training.</summary>
    /// <param name="iterations">How many in each training pass. Default: 1.</param>
    /// <param name="epsilon">Norms below it count as this. Default: 1e-12.</param>
    /// <param name="dimension">The rows of the matrix. Default: 0.</param>
    /// <param name="bound">The norm of the result. Default: 1.</param>
    /// <exception cref="ArgumentException">
    /// A bound that is not positive and finite, an epsilon that is not positive, or fewer than 1 iteration.
    /// </exception>
    public static Parametrization SpectralNorm(
        int iterations = 1,
        double epsilon = 1e-12,
        int dimension = 0,
        double bound = 1
    ) => SpectralNormValues.spectralNormWith(new SpectralNormOptions(bound, dimension, iterations, epsilon));

    /// <summary>Vectors (the last dimension) of a given norm, by normalising.</summary>
    /// <exception cref="ArgumentException">The radius is not positive and finite.</exception>
    public static Parametrization Sphere(double radius = 1) => SphereValues.sphere(radius);

    /// <summary>Vectors (the last dimension) of a given norm, by the exponential map at a base.</summary>
    /// <exception cref="ArgumentException">The radius is not positive and finite.</exception>
    public static Parametrization SphereExp(double radius = 1) => SphereValues.sphereExp(radius);

    /// <summary>Positive tensors, by softplus of each entry.</summary>
    public static Parametrization Positive => PositiveValues.positive;

    /// <summary>Positive tensors, by the given function of each entry.</summary>
    public static Parametrization PositiveBy(PositiveMap map) => PositiveValues.positiveBy(Given(map));

    /// <summary>
    /// Probability vectors (the last dimension, of at least 2 numbers), by the isometric log-ratio: rows of row-stochastic
    /// matrices.
    /// </summary>
    public static Parametrization Simplex => SimplexValues.simplex;

    /// <summary>Entries between two numbers, one of which may be infinite.</summary>
    /// <exception cref="ArgumentException">Unless lo &lt; hi, and one of them is finite.</exception>
    public static Parametrization Bounded(double lo, double hi) => BoundedValues.bounded(lo, hi);

    /// <summary>Symmetric (Hermitian) positive definite n x n matrices `L L^H` with `L_ii >= floor`.</summary>
    /// <exception cref="ArgumentException">The floor is negative or not finite.</exception>
    public static Parametrization Spd(double floor = 0) => PositiveDefiniteValues.spdAbove(floor);

    /// <summary>Real n x n matrices with a positive determinant, cheap to invert.</summary>
    public static Parametrization Invertible => InvertibleValues.invertible;

    /// <summary>A value of one node of your own: see <see cref="CustomNode"/>.</summary>
    public static Parametrization Of(Node node) => Core.ofNode(Given(node));

    /// <summary>`factor X`, for any tensor X.</summary>
    /// <exception cref="ArgumentException">The factor is zero or not finite.</exception>
    public static Parametrization Scale(double factor) => AffineValues.scale(factor);

    /// <summary>`X + offset`, for any tensor X.</summary>
    /// <exception cref="ArgumentException">The offset is not finite.</exception>
    public static Parametrization Shift(double offset) => AffineValues.shift(offset);

    /// <summary>Real matrices of a rank, or a lower one, as `U diag(s) V^T` with orthonormal U and V.</summary>
    /// <exception cref="ArgumentException">The rank is below 1.</exception>
    public static Parametrization LowRank(long rank) => LowRankValues.lowRank(rank);

    /// <summary>Real matrices of exactly a rank, as `U diag(s) V^T` with orthonormal U and V and positive s.</summary>
    /// <exception cref="ArgumentException">The rank is below 1.</exception>
    public static Parametrization FixedRank(long rank) => LowRankValues.fixedRank(rank);

    /// <summary>`U diag(s) V^T` from values of U (n x rank), s (rank numbers) and V (k x rank).</summary>
    /// <exception cref="ArgumentException">The rank is below 1, there are not three values, or one does not fit.</exception>
    public static Parametrization Svd(long rank, params Parametrization[] inputs) =>
        LowRankValues.svd(rank, ListModule.OfArray(Given(inputs)));

    /// <summary>
    /// Positive definite n x n matrices as the exponential of symmetric (Hermitian) ones; alone it reads the Hermitian part
    /// of its parameter.
    /// </summary>
    public static Parametrization MatrixExponential => MatrixExponentialValues.matrixExponential;

    /// <summary>`X_1 + X_2 + ...` of tensors of one shape. The first free term takes what the others leave.</summary>
    /// <exception cref="ArgumentException">Fewer than two terms, or none that is free.</exception>
    public static Parametrization Sum(params Parametrization[] terms) =>
        SumValues.sum(ListModule.OfArray(Given(terms)));

    /// <summary>
    /// The matrix product `A_1 A_2 ...` of one free factor, which takes what the others leave, and of square ones that are
    /// invertible.
    /// </summary>
    /// <exception cref="ArgumentException">Fewer than two factors, none that is free, or one that does not fit.</exception>
    public static Parametrization Product(params Parametrization[] factors) =>
        ProductValues.product(ListModule.OfArray(Given(factors)));

    /// <summary>Block diagonal matrices of blocks of one size, each of a value of its own.</summary>
    /// <exception cref="ArgumentException">There are no blocks.</exception>
    public static Parametrization BlockDiagonal(params Parametrization[] blocks) =>
        BlockDiagonalValues.blockDiagonal(ListModule.OfArray(Given(blocks)));

    /// <summary>Pieces along a dimension, one behind another, each of its size and value: the gates of a recurrent layer.</summary>
    /// <exception cref="ArgumentException">There are no pieces, or one has a size below 1.</exception>
    public static Parametrization Slices(int dimension, params (long Size, Parametrization Value)[] pieces) =>
        SlicesValues.slices(dimension, ListModule.OfSeq(Given(pieces).Select(piece => piece.ToTuple())));

    /// <summary>Entries of the first value where the mask is true, of the second elsewhere.</summary>
    /// <exception cref="ArgumentException">The entries of a value are not free of one another.</exception>
    public static Parametrization Where(Mask mask, Parametrization value, Parametrization elsewhere) =>
        ChoiceValues.where(Given(mask), Given(value), Given(elsewhere));

    /// <summary>
    /// A value of bijections read backwards: `PositiveBy(PositiveMap.Exp).Inverse()` is the logarithm. It stands behind a
    /// value that yields what it reads; alone, its parameter has to stay there.
    /// </summary>
    /// <exception cref="ArgumentException">The value cannot be undone wherever it leads.</exception>
    public static Parametrization Inverse(this Parametrization value) => InverseValues.inverse(Given(value));

    /// <summary>Several values joined by one that reads what they yield, in place of its parameters.</summary>
    /// <exception cref="ArgumentException">Their number is not that of its parameters, or a space does not fit.</exception>
    public static Parametrization Joined(Parametrization value, params Parametrization[] inputs) =>
        Core.joined(ListModule.OfArray(Given(inputs)), Given(value));

    /// <summary>
    /// The value of a text as <c>ToString</c> prints it, such as <c>skew >>> cayley</c>. It knows the values of the library.
    /// </summary>
    /// <exception cref="FormatException">It is none; the message names the position and what was expected there.</exception>
    public static Parametrization Parse(string text)
    {
        var result = Reading.parse(Given(text));
        return result.IsOk ? result.ResultValue : throw new FormatException(result.ErrorValue.Message);
    }

    /// <summary>The value on the transposes of matrices.</summary>
    public static Parametrization Transposed(this Parametrization value) => Core.transposed(Given(value));

    /// <summary>
    /// First this, then the next, whether their spaces fit or not, as PyTorch's <c>unsafe=True</c>: where they do not, the
    /// value has no right inverse, so that nothing can be assigned.
    /// </summary>
    public static Parametrization ThenUnchecked(this Parametrization first, Parametrization next) =>
        Core.andThenUnchecked(Given(next), Given(first));

    /// <summary>First this, then the next.</summary>
    /// <exception cref="ParametrizationException">Their spaces do not fit; the message names both.</exception>
    public static Parametrization Then(this Parametrization first, Parametrization next) =>
        Core.tryAndThen(Given(next), Given(first)).OrThrow();

    /// <summary>Whether the tensor is in the space, up to rounding.</summary>
    public static bool Contains(this Parametrization value, Tensor tensor) =>
        Core.contains(Given(value), Given(tensor)).IsOk;

    /// <summary>Null when the tensor is in the space, else what is violated and by how much.</summary>
    public static ParametrizationError? Violation(this Parametrization value, Tensor tensor) =>
        Core.contains(Given(value), Given(tensor)).ErrorOrNull();

    /// <summary>The nearest tensor of the space, or a retraction to one; a new tensor without gradients.</summary>
    /// <exception cref="ArgumentException">It cannot be projected: wrong shape or element type, NaN.</exception>
    public static Tensor Project(this Parametrization value, Tensor tensor) =>
        Core.project(Given(value), Given(tensor));

    /// <summary>A random tensor of the space, uniform where it has a uniform measure.</summary>
    /// <param name="value">What constrains the tensor.</param>
    /// <param name="shape">The shape.</param>
    /// <param name="dtype">Default: float32.</param>
    /// <param name="device">Default: the CPU.</param>
    /// <param name="generator">Default: the global one.</param>
    /// <exception cref="ArgumentException">The space has no tensors of that shape or element type.</exception>
    public static Tensor Sample(
        this Parametrization value,
        ReadOnlySpan<long> shape,
        ScalarType dtype = ScalarType.Float32,
        Device? device = null,
        Generator? generator = null
    ) =>
        Core.sample(
            Given(value),
            new Form(shape.ToArray(), dtype, device ?? CPU),
            generator is null ? null : FSharpOption<Generator>.Some(generator)
        );

    private static T Given<T>(T argument, [CallerArgumentExpression(nameof(argument))] string? name = null)
    {
        ArgumentNullException.ThrowIfNull(argument, name);
        return argument;
    }
}

using Parametrize.CSharp.Values;
using Parametrize.Values;

namespace Parametrize.CSharp;

/// <content>Values that are made of others.</content>
public static partial class Parametrizations
{
    /// <summary>The value on convolution kernels `[out, in, k...]`, read as matrices `out x (in k...)`.</summary>
    /// <exception cref="ArgumentException">The value reads several tensors.</exception>
    public static Parametrization OnKernel(Parametrization matrix) => Combining.onKernel(NotNull(matrix));

    /// <summary>
    /// `X_1 + X_2 + ...` of tensors of one shape. The first unconstrained term takes the remainder when a tensor is assigned.
    /// </summary>
    /// <exception cref="ArgumentException">Fewer than two terms, or no unconstrained term.</exception>
    public static Parametrization Sum(params Parametrization[] terms) =>
        SumValues.sum(ListModule.OfArray(NotNull(terms)));

    /// <summary>
    /// The matrix product `A_1 A_2 ...` of one unconstrained factor, which takes the remainder when a tensor is assigned, and of
    /// square factors that are invertible.
    /// </summary>
    /// <exception cref="ArgumentException">
    /// Fewer than two factors, no unconstrained factor, or a factor that does not fit.
    /// </exception>
    public static Parametrization Product(params Parametrization[] factors) =>
        ProductValues.product(ListModule.OfArray(NotNull(factors)));

    /// <summary>Block diagonal matrices of blocks of one size, each of a value of its own.</summary>
    /// <exception cref="ArgumentException">There are no blocks.</exception>
    public static Parametrization BlockDiagonal(params Parametrization[] blocks) =>
        BlockDiagonalValues.blockDiagonal(ListModule.OfArray(NotNull(blocks)));

    /// <summary>Pieces along a dimension, one behind another, each of its size and value: the gates of a recurrent layer.</summary>
    /// <exception cref="ArgumentException">There are no pieces, or one has a size below 1.</exception>
    public static Parametrization Slices(int dimension, params (long Size, Parametrization Value)[] pieces) =>
        SlicesValues.slices(dimension, ListModule.OfSeq(NotNull(pieces).Select(piece => piece.ToTuple())));

    /// <summary>Entries of the first value where the mask is true, of the second elsewhere.</summary>
    /// <exception cref="ArgumentException">One of the values computes entries that depend on each other.</exception>
    public static Parametrization Where(Mask mask, Parametrization value, Parametrization elsewhere) =>
        ChoiceValues.where(NotNull(mask), NotNull(value), NotNull(elsewhere));

    /// <summary>
    /// A value of bijections read backwards: `PositiveBy(PositiveMap.Exp).Inverse()` is the logarithm. It stands behind a value
    /// whose outputs lie in its domain. Without one, the parameter itself has to stay in that domain.
    /// </summary>
    /// <exception cref="ArgumentException">The value has no inverse on all of its range.</exception>
    public static Parametrization Inverse(this Parametrization value) => InverseValues.inverse(NotNull(value));

    /// <summary>A value that reads the outputs of several values in place of its parameters.</summary>
    /// <exception cref="ArgumentException">
    /// There are not as many inputs as the value has parameters, or a space does not fit.
    /// </exception>
    public static Parametrization Joined(Parametrization value, params Parametrization[] inputs) =>
        Core.joined(ListModule.OfArray(NotNull(inputs)), NotNull(value));

    /// <summary>The value on the transposes of matrices.</summary>
    public static Parametrization Transposed(this Parametrization value) => Core.transposed(NotNull(value));

    /// <summary>
    /// First this, then the next, whether their spaces fit or not, as PyTorch's <c>unsafe=True</c>. If they do not fit, the value
    /// has no right inverse, and no tensor can be assigned.
    /// </summary>
    public static Parametrization ThenUnchecked(this Parametrization first, Parametrization next) =>
        Core.andThenUnchecked(NotNull(next), NotNull(first));

    /// <summary>First this, then the next.</summary>
    /// <exception cref="ParametrizationException">Their spaces do not fit; the message names both.</exception>
    public static Parametrization Then(this Parametrization first, Parametrization next) =>
        Core.tryAndThen(NotNull(next), NotNull(first)).OrThrow();
}

using Parametrize.Values;

namespace Parametrize.CSharp;

/// <content>Matrices by their entries.</content>
public static partial class Parametrizations
{
    /// <summary>Symmetric n x n matrices, from one triangle and the diagonal; PyTorch's tutorial takes the upper.</summary>
    public static Parametrization Symmetric => SymmetricValues.symmetric;

    /// <inheritdoc cref="Symmetric"/>
    public static Parametrization SymmetricFrom(Triangle triangle) => SymmetricValues.symmetricFrom(NotNull(triangle));

    /// <summary>Hermitian n x n matrices, from one triangle and the real diagonal; real tensors are symmetric.</summary>
    public static Parametrization Hermitian => SymmetricValues.hermitian;

    /// <inheritdoc cref="Hermitian"/>
    public static Parametrization HermitianFrom(Triangle triangle) => SymmetricValues.hermitianFrom(NotNull(triangle));

    /// <summary>Skew-symmetric n x n matrices, from one strict triangle; PyTorch's tutorial takes the upper.</summary>
    public static Parametrization Skew => SkewValues.skew;

    /// <inheritdoc cref="Skew"/>
    public static Parametrization SkewFrom(Triangle triangle) => SkewValues.skewFrom(NotNull(triangle));

    /// <summary>Skew-Hermitian n x n matrices, from one strict triangle and the imaginary diagonal.</summary>
    public static Parametrization SkewHermitian => SkewValues.skewHermitian;

    /// <inheritdoc cref="SkewHermitian"/>
    public static Parametrization SkewHermitianFrom(Triangle triangle) =>
        SkewValues.skewHermitianFrom(NotNull(triangle));

    /// <summary>Triangular n x k matrices, optionally with ones on the diagonal.</summary>
    public static Parametrization Triangular(Triangle triangle, bool unitDiagonal = false) =>
        unitDiagonal
            ? TriangularValues.unitTriangular(NotNull(triangle))
            : TriangularValues.triangular(NotNull(triangle));

    /// <summary>Diagonal n x k matrices.</summary>
    public static Parametrization Diagonal => TriangularValues.diagonal;

    /// <summary>
    /// Banded n x k matrices: zeros except on the main diagonal, on `lower` diagonals below it and on `upper` diagonals above it.
    /// </summary>
    /// <exception cref="ArgumentException">A number of diagonals is negative.</exception>
    public static Parametrization Banded(long lower, long upper) => BandedValues.banded(lower, upper);

    /// <summary>Toeplitz n x k matrices, k >= 2: from the first column, and the rest of the first row.</summary>
    public static Parametrization Toeplitz => ShiftValues.toeplitz;

    /// <summary>Hankel n x k matrices, k >= 2: from the first column, and the rest of the last row.</summary>
    public static Parametrization Hankel => ShiftValues.hankel;

    /// <summary>Circulant n x n matrices, from their first column.</summary>
    public static Parametrization Circulant => ShiftValues.circulant;

    /// <summary>Hamiltonian 2n x 2n matrices: J W is symmetric, with J = [0, I; -I, 0].</summary>
    public static Parametrization Hamiltonian => HamiltonianValues.hamiltonian;

    /// <summary>Symplectic real 2n x 2n matrices, at a base that follows assignments. Projects by a retraction.</summary>
    public static Parametrization Symplectic => SymplecticValues.symplectic;

    /// <summary>
    /// Kronecker products of a real matrix of this shape from the first value, and of one from the second.
    /// </summary>
    /// <exception cref="ArgumentException">
    /// A size is below 1, or the space of a value lacks some multiples of its members.
    /// </exception>
    public static Parametrization Kronecker(
        (long Rows, long Columns) shape,
        Parametrization first,
        Parametrization second
    ) => KroneckerValues.kronecker(shape.Rows, shape.Columns, NotNull(first), NotNull(second));

    /// <summary>Vectors (the last dimension) of n numbers with sum zero, from n - 1 numbers.</summary>
    public static Parametrization SumToZero => HyperplaneValues.sumToZero;

    /// <summary>Vectors w (the last dimension) with A w = b, given the rows of A and the numbers of b.</summary>
    /// <exception cref="ArgumentException">
    /// The rows have different lengths or are linearly dependent, there are no rows or not fewer rows than columns, a number is
    /// not finite, or b has not one number for each row.
    /// </exception>
    public static Parametrization LinearlyConstrained(double[][] rows, double[] right) =>
        HyperplaneValues.linearlyConstrained(
            ListModule.OfSeq(NotNull(rows).Select(row => ListModule.OfArray(NotNull(row)))),
            ListModule.OfArray(NotNull(right))
        );
}

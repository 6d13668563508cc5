using Parametrize.Values;

namespace Parametrize.CSharp;

/// <content>Matrices by their spectra.</content>
public static partial class Parametrizations
{
    /// <summary>Symmetric (Hermitian) positive definite n x n matrices `L L^H` with `L_ii >= floor`.</summary>
    /// <exception cref="ArgumentException">The floor is negative or not finite.</exception>
    public static Parametrization Spd(double floor = 0) => PositiveDefiniteValues.spdAbove(floor);

    /// <summary>
    /// Symmetric (Hermitian) positive definite n x n matrices by the given map. `SpdMap.Eigenvalues` yields real matrices only.
    /// </summary>
    public static Parametrization SpdBy(SpdMap map) => EigenValues.spdBy(NotNull(map));

    /// <summary>
    /// Real symmetric positive definite n x n matrices with the given trace, which is the sum of their eigenvalues.
    /// </summary>
    /// <exception cref="ArgumentException">The trace is not positive and finite.</exception>
    public static Parametrization SpdWithTrace(double trace) => EigenValues.spdWithTrace(trace);

    /// <summary>Real symmetric positive definite n x n matrices with the given determinant, by their Cholesky factors.</summary>
    /// <exception cref="ArgumentException">The determinant is not positive and finite.</exception>
    public static Parametrization SpdWithDeterminant(double determinant) =>
        SpdDeterminantValues.spdWithDeterminant(determinant);

    /// <summary>Real n x n matrices with determinant 1, by their LU factors.</summary>
    public static Parametrization SpecialLinear => InvertibleValues.specialLinear;

    /// <summary>`Q diag(l) Q^T` from values of Q (n x rank) and l (rank numbers): real symmetric matrices.</summary>
    /// <exception cref="ArgumentException">The rank is below 1, there are not two values, or one does not fit.</exception>
    public static Parametrization Eigen(long rank, params Parametrization[] inputs) =>
        EigenValues.eigen(rank, ListModule.OfArray(NotNull(inputs)));

    /// <summary>`Q diag(l) Q^T` from values of Q (n x n) and l, all n eigenvalues: real symmetric matrices.</summary>
    /// <exception cref="ArgumentException">There are not two values, or one does not fit.</exception>
    public static Parametrization EigenFull(params Parametrization[] inputs) =>
        EigenValues.eigenFull(ListModule.OfArray(NotNull(inputs)));

    /// <summary>Real positive semidefinite n x n matrices, by eigenvalues that are squares.</summary>
    public static Parametrization Psd => EigenValues.psd;

    /// <summary>Real positive semidefinite n x n matrices of at most the given rank.</summary>
    /// <exception cref="ArgumentException">The rank is below 1.</exception>
    public static Parametrization PsdLowRank(long rank) => EigenValues.psdLowRank(rank);

    /// <summary>Real positive semidefinite n x n matrices of exactly the given rank.</summary>
    /// <exception cref="ArgumentException">The rank is below 1.</exception>
    public static Parametrization PsdFixedRank(long rank) => EigenValues.psdFixedRank(rank);

    /// <summary>
    /// Real correlation matrices: symmetric, positive definite, ones on the diagonal, from n (n - 1) / 2 partial correlations.
    /// </summary>
    public static Parametrization Correlation => CorrelationValues.correlation;

    /// <summary>Lower Cholesky factors of real correlation matrices: rows of norm 1, a positive diagonal.</summary>
    public static Parametrization CorrelationCholesky => CorrelationFactorValues.correlationCholesky;

    /// <summary>Matrices of spectral norm below a bound: linear maps that are Lipschitz with that constant.</summary>
    /// <exception cref="ArgumentException">The bound is not positive and finite.</exception>
    public static Parametrization Lipschitz(double bound) => ContractionValues.lipschitz(bound);

    /// <summary>
    /// Real matrices whose condition number is at most the bound: the largest singular value over the smallest.
    /// </summary>
    /// <exception cref="ArgumentException">The bound is not a finite number above 1.</exception>
    public static Parametrization Conditioned(double bound) => LowRankValues.conditioned(bound);

    /// <summary>
    /// `Q T Q^T` from a value of Q and a value of the block triangular T: real n x n matrices by their real Schur form. The
    /// diagonal blocks of T, of at most two rows each, have the eigenvalues.
    /// </summary>
    /// <exception cref="ArgumentException">There are not two values, or one does not fit.</exception>
    public static Parametrization SchurForm(params Parametrization[] inputs) =>
        SchurFormValues.schurForm(ListModule.OfArray(NotNull(inputs)));

    /// <summary>Real n x n matrices whose eigenvalues have real parts below `-alpha`.</summary>
    /// <exception cref="ArgumentException">Alpha is not finite.</exception>
    public static Parametrization Hurwitz(double alpha) => SchurFormValues.hurwitz(alpha);

    /// <summary>The block triangular matrices among those of <see cref="Hurwitz"/>, with blocks of two rows.</summary>
    /// <exception cref="ArgumentException">Alpha is not finite.</exception>
    public static Parametrization HurwitzBlocks(double alpha) => SchurFormValues.hurwitzBlocks(alpha);

    /// <summary>
    /// Real n x n matrices whose eigenvalues have moduli below a radius. Rounding errors are relative to the radius.
    /// </summary>
    /// <exception cref="ArgumentException">The radius is not positive and finite.</exception>
    public static Parametrization SchurStable(double radius) => SchurFormValues.schurStable(radius);

    /// <summary>The block triangular matrices among those of <see cref="SchurStable"/>, with blocks of two rows.</summary>
    /// <exception cref="ArgumentException">The radius is not positive and finite.</exception>
    public static Parametrization SchurStableBlocks(double radius) => SchurFormValues.schurStableBlocks(radius);

    /// <summary>Real n x n matrices with a positive determinant, cheap to invert.</summary>
    public static Parametrization Invertible => InvertibleValues.invertible;

    /// <summary>
    /// Real invertible n x n matrices whose determinant may have either sign. Training keeps the sign. Cheap to invert.
    /// </summary>
    public static Parametrization Nonsingular => InvertibleValues.nonsingular;

    /// <summary>Real matrices of at most the given rank, as `U diag(s) V^T` with orthonormal U and V.</summary>
    /// <exception cref="ArgumentException">The rank is below 1.</exception>
    public static Parametrization LowRank(long rank) => LowRankValues.lowRank(rank);

    /// <summary>Real matrices of exactly the given rank, as `U diag(s) V^T` with orthonormal U and V and positive s.</summary>
    /// <exception cref="ArgumentException">The rank is below 1.</exception>
    public static Parametrization FixedRank(long rank) => LowRankValues.fixedRank(rank);

    /// <summary>`U diag(s) V^T` from values of U (n x rank), s (rank numbers) and V (k x rank).</summary>
    /// <exception cref="ArgumentException">The rank is below 1, there are not three values, or one does not fit.</exception>
    public static Parametrization Svd(long rank, params Parametrization[] inputs) =>
        LowRankValues.svd(rank, ListModule.OfArray(NotNull(inputs)));

    /// <summary>`U diag(s) V^T` from values of U, all singular values and V: real n x k matrices.</summary>
    /// <exception cref="ArgumentException">There are not three values, or one does not fit.</exception>
    public static Parametrization SvdFull(params Parametrization[] inputs) =>
        LowRankValues.svdFull(ListModule.OfArray(NotNull(inputs)));

    /// <summary>
    /// Positive definite n x n matrices as the exponential of symmetric (Hermitian) ones; alone it reads the Hermitian part
    /// of its parameter.
    /// </summary>
    public static Parametrization MatrixExponential => MatrixExponentialValues.matrixExponential;
}

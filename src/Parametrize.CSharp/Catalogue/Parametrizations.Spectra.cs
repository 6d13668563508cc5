using Microsoft.FSharp.Collections;
using Parametrize.Values;

namespace Parametrize.CSharp;

/// <content>Matrices by their spectra.</content>
public static partial class Parametrizations
{
    /// <summary>Symmetric (Hermitian) positive definite n x n matrices `L L^H` with `L_ii >= floor`.</summary>
    /// <exception cref="ArgumentException">The floor is negative or not finite.</exception>
    public static Parametrization Spd(double floor = 0) => PositiveDefiniteValues.spdAbove(floor);

    /// <summary>Real n x n matrices with a positive determinant, cheap to invert.</summary>
    public static Parametrization Invertible => InvertibleValues.invertible;

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
}

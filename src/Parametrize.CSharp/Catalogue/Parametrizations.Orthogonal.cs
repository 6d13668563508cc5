using Parametrize.Values;

namespace Parametrize.CSharp;

/// <content>Matrices with orthonormal columns or rows.</content>
public static partial class Parametrizations
{
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

    /// <summary>
    /// Real n x n rotations (orthogonal, of determinant 1), by the exponential at a base. Projects to the nearest rotation.
    /// </summary>
    public static Parametrization SpecialOrthogonal => GroupValues.specialOrthogonal;

    /// <summary>
    /// Complex n x n matrices with orthonormal columns, by the exponential at a base. Projects to the nearest one. Real tensors
    /// are refused.
    /// </summary>
    public static Parametrization Unitary => GroupValues.unitary;

    /// <summary>
    /// Complex n x n matrices with orthonormal columns and determinant 1, by the exponential at a base. Projects to the polar factor
    /// over the n-th root of its determinant. Real tensors are refused.
    /// </summary>
    public static Parametrization SpecialUnitary => GroupValues.specialUnitary;

    /// <summary>
    /// n x k matrices with orthonormal columns (rows, when wide) as polar factors `X (X^H X)^-1/2`, without a base. Projects to the
    /// nearest one.
    /// </summary>
    public static Parametrization Polar => PolarValues.polar;

    /// <summary>
    /// n x k matrices of spectral norm 1 at most, drawn to orthonormal columns (rows, when wide) by Bjorck's iteration. Projects to
    /// the nearest one.
    /// </summary>
    /// <param name="iterations">How many steps `X (3 I - X^H X) / 2`, in each pass.</param>
    /// <exception cref="ArgumentException">Fewer than 1 iteration, or more than 1,000.</exception>
    public static Parametrization Bjorck(int iterations) => BjorckValues.bjorck(iterations);

    /// <summary>
    /// Subspaces by orthonormal bases, the columns of n x k matrices (rows, when wide), along geodesics from a base. Gradients move
    /// the subspace and do not turn its basis. Projects to the nearest orthonormal basis.
    /// </summary>
    public static Parametrization Grassmann => GrassmannValues.grassmann;

    /// <summary>
    /// Real n x k matrices whose singular values are within a radius of 1, as `U diag(1 + radius f(x)) V^T` with orthonormal U and V.
    /// Projects to the nearest one.
    /// </summary>
    /// <param name="radius">At most 1.</param>
    /// <param name="map">f. Default: the sine.</param>
    /// <exception cref="ArgumentException">The radius is not positive, or more than 1.</exception>
    public static Parametrization AlmostOrthogonal(double radius, AlmostOrthogonalMap? map = null) =>
        AlmostOrthogonalValues.almostOrthogonal(radius, map ?? AlmostOrthogonalMap.Sine);

    /// <summary>
    /// The matrices of <see cref="AlmostOrthogonal"/>, from values for U (n x m), x (m numbers) and V (k x m), m = min(n, k).
    /// </summary>
    /// <exception cref="ArgumentException">
    /// The radius is not positive, or more than 1, there are not three values, or one does not fit.
    /// </exception>
    public static Parametrization AlmostOrthogonalOf(
        double radius,
        AlmostOrthogonalMap map,
        params Parametrization[] inputs
    ) => AlmostOrthogonalValues.almostOrthogonalOf(radius, NotNull(map), ListModule.OfArray(NotNull(inputs)));

    /// <summary>
    /// n x k matrices (k at most n) `W = L^-T X`, with the Cholesky factor L of a positive definite `B = L L^T`. Then
    /// `W^H B W = X^H X`. B is given by its rows.
    /// </summary>
    /// <exception cref="ArgumentException">B is not square, symmetric and positive definite.</exception>
    public static Parametrization InMetric(double[][] rows) => GeneralizedStiefelValues.inMetric(Rows(rows));

    /// <summary>n x k matrices (k at most n) with `W^H B W = I` for a positive definite B.</summary>
    /// <exception cref="ArgumentException">B is not square, symmetric and positive definite.</exception>
    public static Parametrization GeneralizedStiefel(double[][] rows) =>
        GeneralizedStiefelValues.generalizedStiefel(Rows(rows));

    private static FSharpList<FSharpList<double>> Rows(double[][] rows) =>
        ListModule.OfSeq(NotNull(rows).Select(row => ListModule.OfArray(NotNull(row))));
}

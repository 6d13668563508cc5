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
}

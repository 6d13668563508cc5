using Parametrize.Values;

namespace Parametrize.CSharp;

/// <content>Matrices by their entries.</content>
public static partial class Parametrizations
{
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
}

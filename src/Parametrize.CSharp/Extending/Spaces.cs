namespace Parametrize.CSharp;

/// <summary>The spaces of the library, for nodes of one's own that yield them or stand behind them.</summary>
public static class Spaces
{
    /// <summary>Every finite tensor.</summary>
    public static Space All => SpaceModule.all;

    /// <summary>W = W^T.</summary>
    public static Space Symmetric => SymmetricSpaces.symmetric;

    /// <summary>W = W^H.</summary>
    public static Space Hermitian => SymmetricSpaces.hermitian;

    /// <summary>W = -W^T.</summary>
    public static Space Skew => SkewSpaces.skew;

    /// <summary>W = -W^H.</summary>
    public static Space SkewHermitian => SkewSpaces.skewHermitian;

    /// <summary>Diagonal matrices, square or not.</summary>
    public static Space Diagonal => TriangularSpaces.diagonal;

    /// <summary>Matrices with orthonormal columns (tall), rows (wide) or both (square).</summary>
    public static Space Stiefel => StiefelSpaces.stiefel;

    /// <summary>Symmetric (Hermitian) positive definite matrices.</summary>
    public static Space PositiveDefinite => PositiveDefiniteSpaces.positiveDefinite;

    /// <summary>Square matrices with a positive determinant.</summary>
    public static Space PositiveDeterminant => InvertibleSpaces.positiveDeterminant;

    /// <summary>Every entry above zero.</summary>
    public static Space Positive => PositiveSpaces.positive;

    /// <summary>No entry below zero.</summary>
    public static Space NonNegative => PositiveSpaces.nonNegative;

    /// <summary>Zeros on one side of the diagonal.</summary>
    /// <param name="triangle">The side with the entries.</param>
    public static Space Triangular(Triangle triangle)
    {
        ArgumentNullException.ThrowIfNull(triangle);
        return TriangularSpaces.triangular(triangle);
    }

    /// <summary>Every entry between two numbers.</summary>
    public static Space Interval(double lo, double hi) => BoundedSpaces.interval(lo, hi);

    /// <summary>Vectors (the last dimension) of a given norm.</summary>
    public static Space Sphere(double radius) => SphereSpaces.sphere(radius);
}

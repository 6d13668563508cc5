using Parametrize.Values;

namespace Parametrize.CSharp;

/// <content>Tensors of given norms.</content>
public static partial class Parametrizations
{
    /// <summary>`W = g v / |v|` with magnitudes g and directions v, which are trained apart.</summary>
    /// <param name="dimension">
    /// Each index of this dimension has a norm of its own; null: one norm for the whole tensor. Default: 0.
    /// </param>
    public static Parametrization WeightNorm(int? dimension = 0) =>
        dimension is { } kept ? WeightNormValues.weightNorm(kept) : WeightNormValues.weightNormWhole;

    /// <summary>Tensors of a given spectral norm, read as matrices, by power iteration in training.</summary>
    /// <param name="iterations">How many in each training pass. Default: 1.</param>
    /// <param name="epsilon">A smaller norm is replaced by this number. Default: 1e-12.</param>
    /// <param name="dimension">The dimension that becomes the rows of the matrix. Default: 0.</param>
    /// <param name="bound">The norm of the result. Default: 1.</param>
    /// <exception cref="ArgumentException">
    /// The bound or the epsilon is not positive and finite, or the iterations are fewer than 1 or more than 10,000.
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

    /// <summary>Matrices with columns of norm 1: `Sphere(1).Transposed()`.</summary>
    public static Parametrization Oblique => SphereValues.oblique;

    /// <summary>Vectors (the last dimension) of a given norm, by the exponential map at a base.</summary>
    /// <exception cref="ArgumentException">The radius is not positive and finite.</exception>
    public static Parametrization SphereExp(double radius = 1) => SphereValues.sphereExp(radius);
}

using static Parametrize.CSharp.Parametrizations;
using Turns = Parametrize.Values.Rotations;

namespace Parametrize.CSharp;

/// <summary>
/// Random orthogonal tensors that training may start from, made of rotations of planes: for recurrent networks. Uniform ones are
/// those that <see cref="Parametrizations.Sample"/> draws.
/// </summary>
public static class Rotations
{
    /// <summary>Angles uniform in (-pi, pi) (Henaff, Szlam and LeCun 2016).</summary>
    /// <exception cref="ArgumentException">The shape is no matrix, or the element type is not real.</exception>
    public static Tensor Henaff(
        ReadOnlySpan<long> shape,
        ScalarType? dtype = null,
        Device? device = null,
        Generator? generator = null
    ) => Torus(shape, -Math.PI, Math.PI, dtype, device, generator);

    /// <summary>Angles uniform in (0, pi/2) (Helfrich, Willmott and Ye 2018, section 3.2).</summary>
    /// <exception cref="ArgumentException">The shape is no matrix, or the element type is not real.</exception>
    public static Tensor Helfrich(
        ReadOnlySpan<long> shape,
        ScalarType? dtype = null,
        Device? device = null,
        Generator? generator = null
    ) => Torus(shape, 0, Math.PI / 2, dtype, device, generator);

    /// <summary>
    /// Block diagonal matrices of plane rotations with independent angles, uniform between `least` and `greatest` (radians). If
    /// the size is odd, the last diagonal entry is 1. An n x k tensor has the leading columns (rows, when wide) of such a square
    /// matrix.
    /// </summary>
    /// <exception cref="ArgumentException">
    /// The shape is no matrix, the element type is not real, or the interval is not finite.
    /// </exception>
    public static Tensor Torus(
        ReadOnlySpan<long> shape,
        double least,
        double greatest,
        ScalarType? dtype = null,
        Device? device = null,
        Generator? generator = null
    ) => Turns.torus(least, greatest, FormOf(shape, dtype, device), OptionOf(generator));
}

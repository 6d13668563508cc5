using Parametrize.CSharp;
using static TorchSharp.torch;

namespace Parametrize.Flows;

/// <summary>Matrices of layers from R^n to R^k.</summary>
internal static class Orthonormal
{
    public static ParametrizedTensor Rows(long data, long latent, Parametrization? value)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(latent);
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(data, latent);
        value ??= Parametrizations.Orthogonal();
        RequireOrthonormal(value, data, latent);
        using var start = eye(latent, data);
        return new(value, start);
    }

    /// <summary>Tells by a random member.</summary>
    private static void RequireOrthonormal(Parametrization value, long data, long latent)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        using var generator = new Generator(1);
        var matrix = value.Sample([latent, data], generator: generator);
        if (!matrix.matmul(matrix.mT).allclose(eye(latent), rtol: 0, atol: 1e-4))
            throw new ArgumentException(
                $"Expected a value of matrices with orthonormal rows; {value} yields others.",
                nameof(value)
            );
    }

    public static long[] Vector(long[] found, long expected, long other, FlowLayer owner)
    {
        ArgumentNullException.ThrowIfNull(found);
        return found.Length == 1 && found[0] == expected
            ? [other]
            : throw new ArgumentException($"{owner}: expected [{expected}]; found {Batches.Shown(found)}.");
    }
}

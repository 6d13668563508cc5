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
        using var start = eye(latent, data);
        var rows = new ParametrizedTensor(value ?? Parametrizations.Orthogonal(), start);
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        var matrix = rows.Value;
        if (!matrix.matmul(matrix.mT).allclose(eye(latent), rtol: 0, atol: 1e-4))
            throw new ArgumentException(
                $"Expected a value of matrices with orthonormal rows; {value} yields others.",
                nameof(value)
            );
        return rows;
    }

    public static long[] Vector(long[] found, long expected, long other, FlowLayer owner)
    {
        ArgumentNullException.ThrowIfNull(found);
        return found.Length == 1 && found[0] == expected
            ? [other]
            : throw new ArgumentException($"{owner}: expected [{expected}]; found {Batches.Shown(found)}.");
    }
}

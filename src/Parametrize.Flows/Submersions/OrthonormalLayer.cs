using Parametrize.CSharp;
using static TorchSharp.torch;

namespace Parametrize.Flows;

/// <summary>A layer from R^n to R^k by a k x n matrix W with orthonormal rows, which begins as the first rows of the identity.</summary>
public abstract class OrthonormalLayer : FlowLayer
{
    private readonly long _data;
    private readonly long _latent;
    private readonly ParametrizedTensor weight;

    private protected OrthonormalLayer(string name, long data, long latent, Parametrization? value)
        : base(name)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(latent);
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(data, latent);
        value ??= Parametrizations.Orthogonal();
        RequireOrthonormal(value, data, latent);
        using var start = eye(latent, data);
        (_data, _latent, weight) = (data, latent, new(value, start));
    }

    /// <summary>The matrix W, its parametrization and its parameters.</summary>
    public ParametrizedTensor Weight => weight;

    /// <inheritdoc/>
    public override long[] LatentShape(long[] dataShape) => Vector(dataShape, _data, _latent);

    /// <inheritdoc/>
    public override long[] DataShape(long[] latentShape) => Vector(latentShape, _latent, _data);

    /// <inheritdoc/>
    public override string ToString() => $"{GetName()}({_data}, {_latent}, {weight.Parametrization})";

    /// <summary>Refuses values that yield other matrices, by trying a random one.</summary>
    private static void RequireOrthonormal(Parametrization value, long data, long latent)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        using var generator = new Generator(1);
        var matrix = value.Sample([latent, data], generator: generator);
        if (
            !matrix
                .matmul(matrix.mT)
                .allclose(eye(latent, dtype: matrix.dtype, device: matrix.device), rtol: 0, atol: 1e-4)
        )
            throw new ArgumentException(
                $"Expected a value of matrices with orthonormal rows; {value} yields others.",
                nameof(value)
            );
    }

    private long[] Vector(long[] found, long expected, long other)
    {
        ArgumentNullException.ThrowIfNull(found);
        return found.Length == 1 && found[0] == expected
            ? [other]
            : throw new ArgumentException($"{this}: expected [{expected}]; found {Batches.Shown(found)}.");
    }
}

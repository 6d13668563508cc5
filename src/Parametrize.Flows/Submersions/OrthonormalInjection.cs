using Parametrize.CSharp;
using static TorchSharp.torch;

namespace Parametrize.Flows;

/// <summary>
/// Data in a k-dimensional subspace of R^n: `x = W^T z` with a k x n matrix of orthonormal rows, an injection. The density is one
/// on the subspace, by its own k-dimensional volume; data beside it, by more than rounding, have log density -inf.
/// </summary>
public sealed class OrthonormalInjection : FlowLayer
{
    private readonly long _data;
    private readonly long _latent;
    private readonly ParametrizedTensor weight;

    /// <param name="data">n, the size of a datum.</param>
    /// <param name="latent">k, less than n.</param>
    /// <param name="weight">A value of k x n matrices with orthonormal rows; null for `Parametrizations.Orthogonal()`.</param>
    /// <remarks>W begins as the first rows of the identity.</remarks>
    public OrthonormalInjection(long data, long latent, Parametrization? weight = null)
        : base(nameof(OrthonormalInjection))
    {
        (_data, _latent) = (data, latent);
        this.weight = Orthonormal.Rows(data, latent, weight);
        RegisterComponents();
    }

    /// <summary>The matrix W, its parametrization and its parameters.</summary>
    public ParametrizedTensor Weight => weight;

    /// <inheritdoc/>
    public override long[] LatentShape(long[] dataShape) => Orthonormal.Vector(dataShape, _data, _latent, this);

    /// <inheritdoc/>
    public override long[] DataShape(long[] latentShape) => Orthonormal.Vector(latentShape, _latent, _data, this);

    /// <inheritdoc/>
    protected internal override (Tensor Latent, Tensor LogDet) Map(Tensor data, Tensor? context)
    {
        var rows = weight.Value;
        var latent = nn.functional.linear(data, rows);
        return (latent, Images.LogDensity(data, nn.functional.linear(latent, rows.mT), Batches.Zeros(data)));
    }

    /// <inheritdoc/>
    protected internal override Tensor MapBack(Tensor latent, Tensor? context) =>
        nn.functional.linear(latent, weight.Value.mT);

    /// <inheritdoc/>
    public override string ToString() => $"OrthonormalInjection({_data}, {_latent}, {weight.Parametrization})";
}

using static TorchSharp.torch;

namespace Parametrize.Flows;

/// <summary>
/// Data in a k-dimensional subspace of R^n: `x = W^T z` with a k x n matrix of orthonormal rows, an injection. The density is one
/// on the subspace, by its own k-dimensional volume; data beside it, by more than rounding, have log density -inf.
/// </summary>
public sealed class OrthonormalInjection : OrthonormalLayer
{
    /// <param name="data">n, the size of a datum.</param>
    /// <param name="latent">k, less than n.</param>
    /// <param name="weight">A value of k x n matrices with orthonormal rows; null for `Parametrizations.Orthogonal()`.</param>
    /// <remarks>W begins as the first rows of the identity.</remarks>
    public OrthonormalInjection(long data, long latent, Parametrization? weight = null)
        : base(nameof(OrthonormalInjection), data, latent, weight) => RegisterComponents();

    internal override bool TakesAll => false;

    /// <inheritdoc/>
    protected override (Tensor Latent, Tensor LogDet) Map(Tensor data, Tensor? context)
    {
        var rows = Weight.Value;
        var latent = nn.functional.linear(data, rows);
        return (latent, Images.LogDensity(data, nn.functional.linear(latent, rows.mT), Batches.Zeros(data)));
    }

    internal override Reached After(Reached before) => before;

    /// <inheritdoc/>
    protected override (Tensor Data, Tensor LogDet) MapBackWithLogDet(Tensor latent, Tensor? context) =>
        (MapBack(latent, context), Batches.Zeros(latent));

    /// <inheritdoc/>
    protected override Tensor MapBack(Tensor latent, Tensor? context) => nn.functional.linear(latent, Weight.Value.mT);
}

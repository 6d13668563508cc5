using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Parametrize.Flows;

/// <summary>
/// `z = W x` from R^n to R^k by a matrix with orthonormal rows, a submersion. The distance of x from the rows' span, n - k numbers,
/// has a normal density around 0 of a trained standard deviation: with a normal density of z it is probabilistic principal
/// component analysis (Tipping and Bishop 1999). Nothing n x n is formed.
/// </summary>
public sealed class OrthonormalSubmersion : OrthonormalLayer
{
    private readonly long _data;
    private readonly long _rest;
    private readonly Parameter log_scale;

    /// <param name="data">n, the size of a datum.</param>
    /// <param name="latent">k, less than n.</param>
    /// <param name="weight">A value of k x n matrices with orthonormal rows; null for `Parametrizations.Orthogonal()`.</param>
    /// <remarks>W begins as the first rows of the identity, the standard deviation as 1.</remarks>
    public OrthonormalSubmersion(long data, long latent, Parametrization? weight = null)
        : base(nameof(OrthonormalSubmersion), data, latent, weight)
    {
        (_data, _rest) = (data, data - latent);
        log_scale = new(zeros(1).DetachFromDisposeScope());
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override bool IsBijection => false;

    /// <summary>
    /// All latent tensors are reached if all data are: the normal density of the distance is positive everywhere.
    /// </summary>
    internal override Reached After(Reached before) => before is Reached.All ? before : new Reached.Lost();

    /// <inheritdoc/>
    protected override (Tensor Latent, Tensor LogDet) Map(Tensor data, Tensor? context)
    {
        var rows = Weight.Value;
        var latent = nn.functional.linear(data, rows);
        var rest = (data - nn.functional.linear(latent, rows.mT)) * log_scale.neg().exp();
        var logDensity = Densities.Normal(Tensors.widen(rest).Squared().sum(1), _rest);
        return (latent, logDensity - log_scale * ((double)_rest).AsScalar());
    }

    /// <inheritdoc/>
    protected override Tensor MapBack(Tensor latent, Tensor? context)
    {
        var rows = Weight.Value;
        var noise = randn([latent.shape[0], _data], dtype: latent.dtype, device: latent.device);
        var across = noise - nn.functional.linear(nn.functional.linear(noise, rows), rows.mT);
        return nn.functional.linear(latent, rows.mT).Plus(across * log_scale.exp());
    }
}

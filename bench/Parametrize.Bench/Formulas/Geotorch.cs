using static TorchSharp.torch;

namespace Parametrize.Bench.Formulas;

/// <summary>
/// What geotorch computes (0.3.0): orthonormal factors are the first columns of an n x n exponential at a base; the rest of
/// the parameter is on its diagonal.
/// </summary>
internal static class Geotorch
{
    /// <summary>PSD: Q diag(softplus l) Q^T.</summary>
    public static Tensor PositiveDefinite(Tensor x, Tensor @base)
    {
        var q = Stiefel(x, @base);
        return (q * nn.functional.softplus(x.diagonal())).matmul(q.mT);
    }

    /// <summary>LowRank: U diag(s) V^T.</summary>
    public static Tensor LowRank(Tensor x, Tensor baseOfU, Tensor baseOfV, int rank)
    {
        var (u, v) = Factors(x, baseOfU, baseOfV, rank);
        return (u * x.diagonal().narrow(0, 0, rank)).matmul(v.mT);
    }

    /// <summary>GLp: U diag(softplus s) V^T.</summary>
    public static Tensor Invertible(Tensor x, Tensor baseOfU, Tensor baseOfV)
    {
        var (u, v) = Factors(x, baseOfU, baseOfV, (int)x.shape[0]);
        return (u * nn.functional.softplus(x.diagonal())).matmul(v.mT);
    }

    private static (Tensor U, Tensor V) Factors(Tensor x, Tensor baseOfU, Tensor baseOfV, int rank) =>
        (Stiefel(x.tril(-1).narrow(1, 0, rank), baseOfU), Stiefel(x.triu(1).mT.narrow(1, 0, rank), baseOfV));

    private static Tensor Stiefel(Tensor x, Tensor @base)
    {
        var (rows, columns) = (x.shape[0], x.shape[1]);
        var lower = nn.functional.pad(x.tril(-1), (0, rows - columns));
        return @base.matmul(matrix_exp(lower - lower.mT)).narrow(1, 0, columns);
    }
}

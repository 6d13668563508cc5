using static TorchSharp.torch;

namespace Parametrize.Bench.Formulas;

/// <summary>The maps of torch.nn.utils.parametrizations.orthogonal without a base, on the same libtorch.</summary>
internal static class PyTorch
{
    public static Tensor MatrixExp(Tensor x) => FirstColumns(matrix_exp(Skew(x)), x);

    public static Tensor Cayley(Tensor x)
    {
        var skew = Skew(x);
        var identity = eye(x.shape[0], device: x.device);
        return FirstColumns(linalg.solve(identity - skew / 2, identity + skew / 2), x);
    }

    public static Tensor Householder(Tensor x)
    {
        var vectors = x.tril(-1);
        var tau = 2 / (1 + vectors.square().sum(dim: 0L));
        var signs = x.diagonal().sign().detach();
        return linalg.householder_product(vectors, tau) * signs;
    }

    /// <summary>The lower triangle, filled up to a square by zeros, minus its transpose.</summary>
    private static Tensor Skew(Tensor x)
    {
        var lower = x.tril();
        if (x.shape[0] > x.shape[1])
            lower = cat([lower, zeros(x.shape[0], x.shape[0] - x.shape[1], device: x.device)], dim: 1);
        return lower - lower.mT;
    }

    private static Tensor FirstColumns(Tensor square, Tensor x) =>
        x.shape[0] > x.shape[1] ? square.narrow(1, 0, x.shape[1]) : square;
}

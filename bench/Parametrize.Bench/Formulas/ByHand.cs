using static TorchSharp.torch;

namespace Parametrize.Bench.Formulas;

/// <summary>Weights as one writes them without the library.</summary>
internal static class ByHand
{
    public static Tensor Symmetric(Tensor x) => x.triu() + x.triu(1).mT;

    public static Tensor Skew(Tensor x)
    {
        var upper = x.triu(1);
        return upper - upper.mT;
    }

    /// <summary>The Cayley map with one inverse, at a base.</summary>
    public static Tensor Cayley(Tensor skew, Tensor @base)
    {
        var identity = eye(skew.shape[^1]);
        return @base.matmul(linalg.inv(identity - skew * 0.5) * 2 - identity);
    }

    public static Tensor WeightStandardized(Tensor x)
    {
        var deviations = x - x.mean([1L], keepdim: true);
        return deviations / deviations.square().mean([1L], keepdim: true).sqrt();
    }

    public static Tensor WeightNorm(Tensor magnitude, Tensor direction) =>
        direction * (magnitude / direction.square().sum([1L], keepdim: true).sqrt());

    /// <summary>One power iteration, written into u and v, and the division by the norm that they see.</summary>
    public static Tensor SpectralNorm(Tensor x, Tensor u, Tensor v)
    {
        using (no_grad())
        {
            u.copy_(nn.functional.normalize(mv(x, v), dim: 0, eps: 1e-12));
            v.copy_(nn.functional.normalize(mv(x.mT, u), dim: 0, eps: 1e-12));
        }
        return x / vdot(u.clone(), mv(x, v.clone()));
    }
}

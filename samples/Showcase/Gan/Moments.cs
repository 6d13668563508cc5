using static TorchSharp.torch;

namespace Showcase.Gan;

/// <summary>Mean and covariance of images.</summary>
/// <param name="Mean">Of each pixel.</param>
/// <param name="Covariance">Pixel by pixel.</param>
internal sealed record Moments(Tensor Mean, Tensor Covariance)
{
    /// <param name="images">Image by pixel.</param>
    public static Moments Of(Tensor images)
    {
        using var scope = NewDisposeScope();
        var numbers = images.detach().to(float64);
        return new(numbers.mean([0L]).MoveToOuterDisposeScope(), cov(numbers.T).MoveToOuterDisposeScope());
    }

    /// <summary>
    /// The Fréchet distance of the normal distributions with these moments: `|m - n|^2 + tr(A + B - 2 (A^1/2 B A^1/2)^1/2)`.
    /// Source: Dowson and Landau, The Fréchet distance between multivariate normal distributions, 1982.
    /// </summary>
    public double DistanceTo(Moments other)
    {
        using var scope = NewDisposeScope();
        var (values, vectors) = linalg.eigh(Covariance);
        var root = (vectors * values.clamp_min(0).sqrt()).mm(vectors.T);
        var between = linalg.eigvalsh(root.mm(other.Covariance).mm(root)).clamp_min(0).sqrt().sum();
        return (
            (Mean - other.Mean).square().sum() + Covariance.trace() + other.Covariance.trace() - between * 2
        ).item<double>();
    }
}

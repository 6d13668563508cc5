using static TorchSharp.torch;

namespace Parametrize.Flows;

/// <summary>
/// `y = x exp(s) + t` with parameters t and a, `s = m tanh(a / m)` (real NVP: Dinh et al. 2017). m bounds the factor, so that no
/// network can make it overflow.
/// </summary>
public sealed record AffineMap : IElementMap
{
    /// <param name="maxLogScale">The largest |s|, positive.</param>
    /// <exception cref="ArgumentOutOfRangeException">It is not positive and finite.</exception>
    public AffineMap(double maxLogScale = 5)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(maxLogScale);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(maxLogScale, 80.0);
        MaxLogScale = maxLogScale;
    }

    /// <summary>The largest |s|.</summary>
    public double MaxLogScale { get; }

    /// <inheritdoc/>
    public long ParameterCount => 2;

    /// <inheritdoc/>
    public (Tensor Value, Tensor LogDerivative) Forward(Tensor x, Tensor parameters)
    {
        var (shift, logScale) = Read(parameters);
        return ((x * logScale.exp()).Plus(shift), logScale);
    }

    /// <inheritdoc/>
    public Tensor Inverse(Tensor y, Tensor parameters)
    {
        var (shift, logScale) = Read(parameters);
        return (y - shift) * (-logScale).exp();
    }

    private (Tensor Shift, Tensor LogScale) Read(Tensor parameters) =>
        (parameters.select(-1, 0), (parameters.select(-1, 1) / MaxLogScale.AsScalar()).tanh() * MaxLogScale.AsScalar());

    /// <summary>As it is made.</summary>
    public override string ToString() => FormattableString.Invariant($"AffineMap({MaxLogScale})");
}

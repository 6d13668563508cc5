using static TorchSharp.torch;

namespace Parametrize.Flows;

/// <summary>
/// `y = x exp(s) + t` with parameters t and a, `s = m tanh(a / m)` (real NVP: Dinh et al. 2017). m bounds the factor, so that no
/// network can make it overflow.
/// </summary>
public sealed record AffineMap : IElementMap
{
    /// <param name="maxLogScale">The largest |s|, 1e-6 to 80.</param>
    /// <exception cref="ArgumentOutOfRangeException">It is outside this range.</exception>
    public AffineMap(double maxLogScale = 5)
    {
        if (maxLogScale is not (>= 1e-6 and <= 80))
            throw new ArgumentOutOfRangeException(
                nameof(maxLogScale),
                maxLogScale,
                "Expected a number from 1e-6 to 80."
            );
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

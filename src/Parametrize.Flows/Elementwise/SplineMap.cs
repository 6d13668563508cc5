using static TorchSharp.torch;

namespace Parametrize.Flows;

/// <summary>
/// A monotone spline of quotients of quadratic polynomials on [-Bound, Bound], the identity outside (neural spline flows:
/// Durkan et al. 2019, equations 4 to 8). It has a continuous derivative; gradients are finite everywhere, at the knots and
/// outside too. 16-bit numbers are computed in float32.
/// </summary>
public sealed record SplineMap : IElementMap
{
    /// <summary>The least width and height of a bin, as a share of the interval, and the least derivative at a knot.</summary>
    private const double Least = 1e-3;

    /// <summary>softplus(x) + Least = 1.</summary>
    private static readonly double UnitSlope = Math.Log(Math.Exp(1 - Least) - 1);

    /// <param name="bins">The number of pieces, 2 to 512.</param>
    /// <param name="bound">Half the length of the interval, 1e-6 to 1e6.</param>
    /// <exception cref="ArgumentOutOfRangeException">One of them is outside these ranges.</exception>
    public SplineMap(int bins = 8, double bound = 4)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(bins, 2);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(bins, 512);
        if (bound is not (>= 1e-6 and <= 1e6))
            throw new ArgumentOutOfRangeException(nameof(bound), bound, "Expected a number from 1e-6 to 1e6.");
        (Bins, Bound) = (bins, bound);
    }

    /// <summary>The number of pieces.</summary>
    public int Bins { get; }

    /// <summary>Half the length of the interval.</summary>
    public double Bound { get; }

    /// <summary>Widths, heights, and derivatives at the inner knots.</summary>
    public long ParameterCount => 3 * Bins - 1;

    /// <inheritdoc/>
    public (Tensor Value, Tensor LogDerivative) Forward(Tensor x, Tensor parameters)
    {
        var inside = x.abs().lt(Bound.AsScalar());
        // Both branches of `where` are differentiated: none may divide by zero.
        var clamped = Tensors.widen(x).clamp((-Bound).AsScalar(), Bound.AsScalar());
        var knots = Knots(Tensors.widen(parameters));
        var bin = BinOf(knots.X, clamped, knots);
        var at = (clamped - bin.X) / bin.Width;
        var rest = at.neg().Plus(1);
        var both = at * rest;
        var denominator = bin.Slope.Plus(bin.Bend * both);
        var value = bin.Y.Plus(bin.Height * (bin.Slope * at.Squared()).Plus(bin.Left * both) / denominator);
        var growth = (bin.Right * at.Squared()).Plus(bin.Slope * both * 2.0.AsScalar()).Plus(bin.Left * rest.Squared());
        var logDerivative = ((bin.Slope.log() - denominator.log()) * 2.0.AsScalar()).Plus(growth.log());
        return (where(inside, value.to_type(x.dtype), x), where(inside, logDerivative, zeros_like(logDerivative)));
    }

    /// <inheritdoc/>
    public Tensor Inverse(Tensor y, Tensor parameters)
    {
        var inside = y.abs().lt(Bound.AsScalar());
        var clamped = Tensors.widen(y).clamp((-Bound).AsScalar(), Bound.AsScalar());
        var knots = Knots(Tensors.widen(parameters));
        var bin = BinOf(knots.Y, clamped, knots);
        var above = clamped - bin.Y;
        var a = (bin.Height * (bin.Slope - bin.Left)).Plus(above * bin.Bend);
        var b = bin.Height * bin.Left - above * bin.Bend;
        var c = -bin.Slope * above;
        // The discriminant is positive but for rounding.
        var discriminant = maximum(b.Squared() - a * c * 4.0.AsScalar(), bin.Height.Squared() * 1e-12.AsScalar());
        // The larger root, in the form in which nothing cancels: a is 0 only where b is positive.
        var (root, isPositive) = (discriminant.sqrt(), b.ge(0.0.AsScalar()));
        var at =
            where(isPositive, c * (-2.0).AsScalar(), root - b) / where(isPositive, b.Plus(root), a * 2.0.AsScalar());
        at = at.clamp(0.0.AsScalar(), 1.0.AsScalar());
        return where(inside, (at * bin.Width).Plus(bin.X).to_type(y.dtype), y);
    }

    private (Tensor X, Tensor Y, Tensor Slopes) Knots(Tensor parameters)
    {
        var ones = ones_like(parameters.narrow(-1, 0, 1));
        var inner = Entrywise.softplus(parameters.narrow(-1, 2 * Bins, Bins - 1).Plus(UnitSlope)).Plus(Least);
        return (
            Places(parameters.narrow(-1, 0, Bins)),
            Places(parameters.narrow(-1, Bins, Bins)),
            cat([ones, inner, ones], -1)
        );
    }

    /// <summary>Increasing numbers from -Bound to Bound.</summary>
    private Tensor Places(Tensor free)
    {
        var shares = (free.softmax(-1) * (1 - Least * Bins).AsScalar()).Plus(Least);
        var ends = ones_like(free.narrow(-1, 0, 1)) * Bound.AsScalar();
        var inner = shares.narrow(-1, 0, Bins - 1).cumsum(-1) * (2 * Bound).AsScalar() - Bound.AsScalar();
        return cat([-ends, inner, ends], -1);
    }

    private Bin BinOf(Tensor places, Tensor numbers, (Tensor X, Tensor Y, Tensor Slopes) knots)
    {
        var index = numbers.unsqueeze(-1).ge(places.narrow(-1, 1, Bins - 1)).sum(-1L, keepdim: true);
        var next = index.Plus(ones_like(index));
        Tensor At(Tensor of, Tensor position) => of.gather(-1, position).squeeze(-1);
        var (x, y) = (At(knots.X, index), At(knots.Y, index));
        var (width, height) = (At(knots.X, next) - x, At(knots.Y, next) - y);
        var (left, right, slope) = (At(knots.Slopes, index), At(knots.Slopes, next), height / width);
        return new(x, y, width, height, left, right, slope, left.Plus(right) - slope * 2.0.AsScalar());
    }

    /// <summary>For each number the bin in which it is.</summary>
    /// <param name="X">Where it begins.</param>
    /// <param name="Y">The value there.</param>
    /// <param name="Width">Its width.</param>
    /// <param name="Height">By how much the value grows.</param>
    /// <param name="Left">The derivative where it begins.</param>
    /// <param name="Right">The derivative where it ends.</param>
    /// <param name="Slope">The mean derivative.</param>
    /// <param name="Bend">Left + Right - 2 Slope.</param>
    private readonly record struct Bin(
        Tensor X,
        Tensor Y,
        Tensor Width,
        Tensor Height,
        Tensor Left,
        Tensor Right,
        Tensor Slope,
        Tensor Bend
    );

    /// <summary>As it is made.</summary>
    public override string ToString() => FormattableString.Invariant($"SplineMap({Bins}, {Bound})");
}

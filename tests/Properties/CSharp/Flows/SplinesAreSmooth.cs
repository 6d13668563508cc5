using Parametrize.Flows;
using Properties.CSharp.Support;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp.Flows;

/// <summary>Rational-quadratic splines where the formulas of others yield NaN: at the knots, at the ends and outside.</summary>
public class SplinesAreSmooth
{
    private static readonly SplineMap Map = new(4, 2);

    /// <summary>Numbers outside, at both ends, at the knots of equal bins, and next to them.</summary>
    private static Tensor Corners() =>
        tensor([-1e30, -50, -2 - 1e-9, -2, -2 + 1e-9, -1, -1 + 1e-12, 0, 1e-300, 1, 2 - 1e-9, 2, 2 + 1e-9, 50, 1e30]);

    public static TheoryData<double> Scales => [0, 0.1, 1, 10, 1000];

    private static Tensor Parameters(double scale)
    {
        Seeded.Everywhere(3);
        return (randn(Corners().shape[0], Map.ParameterCount, dtype: float64) * scale).requires_grad_(true);
    }

    [Theory, MemberData(nameof(Scales))]
    public void Values_and_gradients_are_finite(double scale)
    {
        using var scope = NewDisposeScope();
        var (x, parameters) = (Corners().requires_grad_(true), Parameters(scale));
        var (y, logDerivative) = Map.Forward(x, parameters);
        var back = Map.Inverse(Corners().requires_grad_(true), parameters);
        (y.sum() + logDerivative.sum() + back.sum()).backward();
        foreach (var found in new[] { y, logDerivative, back, x.grad!, parameters.grad! })
            Assert.True(found.isfinite().all().item<bool>(), found.str());
    }

    [Theory, MemberData(nameof(Scales))]
    public void It_is_increasing_and_goes_back(double scale)
    {
        using var scope = NewDisposeScope();
        var parameters = Parameters(scale)[0].detach();
        var x = linspace(-3, 3, 2001, dtype: float64);
        var rows = parameters.expand(x.shape[0], Map.ParameterCount);
        var (y, _) = Map.Forward(x, rows);
        Assert.True(y.diff().gt(0).all().item<bool>());
        // A bin whose derivative is 1e-6 loses six digits.
        Near.Same(x, Map.Inverse(y, rows), scale > 1 ? 1e-5 : 1e-9);
    }

    [Fact]
    public void Zeros_make_it_the_identity()
    {
        using var scope = NewDisposeScope();
        var x = linspace(-3, 3, 101, dtype: float64);
        var (y, logDerivative) = Map.Forward(x, zeros(101, Map.ParameterCount, dtype: float64));
        Near.Same(x, y);
        Near.Same(zeros_like(x), logDerivative);
    }

    [Fact]
    public void The_derivative_is_continuous_at_the_knots()
    {
        using var scope = NewDisposeScope();
        var parameters = Parameters(1)[0].detach();
        var x = linspace(-2.5, 2.5, 200_001, dtype: float64);
        var (_, logDerivative) = Map.Forward(x, parameters.expand(x.shape[0], Map.ParameterCount));
        Assert.True(logDerivative.diff().abs().max().item<double>() < 1e-2);
    }
}

using Parametrize.CSharp;
using Parametrize.Flows;
using Properties.CSharp.Support;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp.Flows;

/// <summary>Rounding of 16 and 32 bits moves results as little as it has to.</summary>
public class FlowsOfFewDigits
{
    [Theory]
    [InlineData(2)]
    [InlineData(5)]
    [InlineData(8)]
    [InlineData(12)]
    public void Steep_splines_go_back_into_their_bin(double scale)
    {
        using var scope = NewDisposeScope();
        Seeded.Everywhere(5);
        var map = new SplineMap();
        var parameters = randn(20_000, map.ParameterCount) * scale;
        var y = rand(20_000) * 8 - 4;
        var x = map.Inverse(y, parameters);
        Assert.True(x.abs().le(4).all().item<bool>());
        // Slopes are up to 1e3 of mean slopes of up to 1e3.
        Assert.True((map.Forward(x, parameters).Value - y).abs().max().item<float>() < 0.05);
        var exact = map.Inverse(y.to(float64), parameters.to(float64));
        Assert.True((map.Forward(exact, parameters.to(float64)).Value - y).abs().max().item<double>() < 1e-7);
    }

    [Theory]
    [InlineData(ScalarType.BFloat16, 6.0)]
    [InlineData(ScalarType.Float16, 6.0)]
    [InlineData(ScalarType.BFloat16, 4.0)]
    public void Splines_of_16_bits_are_those_of_32_rounded(ScalarType dtype, double first)
    {
        using var scope = NewDisposeScope();
        var map = new SplineMap();
        var parameters = zeros(2001, map.ParameterCount);
        parameters[.., 0] = first;
        parameters[.., 8] = 1;
        var x = linspace(-3.99, 3.99, 2001).to(dtype);
        foreach (var isBack in (bool[])[false, true])
        {
            Tensor Value(ScalarType type)
            {
                var (numbers, rounded) = (x.to(type), parameters.to(type));
                return isBack ? map.Inverse(numbers, rounded) : map.Forward(numbers, rounded).Value;
            }
            var found = Value(dtype);
            Assert.Equal(dtype, found.dtype);
            Near.Identical(Value(float32).to(dtype), found);
        }
        var logDerivative = map.Forward(x, parameters.to(dtype)).LogDerivative;
        Near.Same(map.Forward(x.to(float32), parameters).LogDerivative, logDerivative.to(float32), 0.02);
    }

    [Theory]
    [InlineData(0.1f, 7)]
    [InlineData(0.3f, 6)]
    [InlineData(0.7f, 10)]
    [InlineData(1 / 3f, 1000)]
    [InlineData(5.1f, 512)]
    public void A_constant_feature_keeps_its_scale(float constant, int count)
    {
        using var scope = NewDisposeScope();
        Seeded.Everywhere(1);
        using var layer = new ActNorm(2);
        var varying = randn(count, 1) * 3;
        var latent = layer.forward(cat([full([count, 1], constant), varying], 1));
        Near.Same(zeros(count), latent[.., 0], 1e-6);
        Near.Same(tensor(0f), layer.state_dict()["log_scale"][0]);
        Near.Same(tensor(1f), latent[.., 1].std(unbiased: false), 1e-5);
    }

    [Fact]
    public void Densities_of_16_bits_do_not_overflow()
    {
        using var scope = NewDisposeScope();
        var (near, far) = (full([1, 2], 300f), full([1, 100], 30f));
        var flow = new Flow(new Permutation(0, 1), 2);
        Near.Same(flow.log_prob(near), flow.to(ScalarType.Float16).log_prob(near.to(float16)));
        var layer = new OrthonormalSubmersion(100, 2);
        var exact = layer.ForwardWithLogDet(far).LogDet;
        foreach (var dtype in (ScalarType[])[ScalarType.Float16, ScalarType.BFloat16])
        {
            layer.to(dtype);
            var found = layer.ForwardWithLogDet(far.to(dtype)).LogDet;
            Assert.Equal(ScalarType.Float32, found.dtype);
            Assert.True((found / exact - 1).abs().item<float>() < 0.02);
        }
    }

    [Fact]
    public void NaN_of_either_sign_is_no_bound()
    {
        foreach (var none in (double[])[double.NaN, Math.Abs(double.NaN), double.PositiveInfinity, 0, -1, 1e-50])
        {
            Assert.Throws<ArgumentOutOfRangeException>("maxLogScale", () => new AffineMap(none));
            Assert.Throws<ArgumentOutOfRangeException>("bound", () => new SplineMap(8, none));
        }
    }

    public static TheoryData<string> Shifted =>
        [
            "bounded (-1.0) 3.0",
            "above (-1.0)",
            "below 1.0",
            "positive >>> shift (-1.0)",
            "positive >>> inverse (positive >>> scale 0.5)",
            "bounded (-1000.0) 3000.0",
            "unitInterval >>> shift (-0.5)",
        ];

    [Theory]
    [MemberData(nameof(Shifted))]
    public void Data_near_zero_lie_inside_where_zero_does(string code)
    {
        using var scope = NewDisposeScope();
        var layer = new Constrained(Parametrizations.Parse(code));
        foreach (var dtype in (ScalarType[])[ScalarType.Float32, ScalarType.Float64])
        {
            var data = tensor([-1.8387437e-3, 1e-5, -1e-9, 1e-12, -1e-30, 0]).to(dtype).unsqueeze(1);
            Assert.True(layer.ForwardWithLogDet(data).LogDet.isfinite().all().item<bool>(), $"{dtype}");
        }
    }
}

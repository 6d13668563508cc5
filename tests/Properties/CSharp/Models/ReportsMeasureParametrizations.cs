using Parametrize;
using Parametrize.CSharp;
using Properties.CSharp.Support;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp.Models;

/// <summary>`parametrization_report`.</summary>
public class ReportsMeasureParametrizations
{
    private static TensorReport Of(Parametrization value, Tensor initial) =>
        Assert.Single(new ParametrizedTensor(value, initial).parametrization_report());

    [Fact]
    public void A_line_for_each_tensor_in_aligned_columns()
    {
        var net = new Net();
        net.first.orthogonal();
        net.blocks[0].register_parametrization("weight", Parametrizations.Skew.Then(Parametrizations.Cayley()));
        net.blocks[0].register_parametrization("bias", Parametrizations.Of(new ZeroSum()));
        var report = net.parametrization_report();
        Assert.Equal(
            """
            tensor           value            shape   dtype    distance  trained  dimension
            kernel           symmetric        [4, 4]  Float32  inside         16         10
            first.weight     orthogonal       [4, 4]  Float32  inside         16          6
            blocks.0.weight  skew >>> cayley  [4, 4]  Float32  inside         16          6
            blocks.0.bias    zeroSum          [4]     Float32  inside          4    unknown
            """.ReplaceLineEndings("\n"),
            report.ToString()
        );
        Assert.Equal(net.parametrizations().Select(entry => entry.name), report.Select(row => row.Name));
        Assert.All(report, row => Assert.Equal(0, row.Distance));
    }

    [Fact]
    public void A_row_alone_prints_its_cells()
    {
        var model = nn.Linear(4, 4).register_parametrization("weight", Parametrizations.Symmetric);
        Assert.Equal(
            "weight  symmetric  [4, 4]  Float32  inside  16  10",
            $"{Assert.Single(model.parametrization_report())}"
        );
    }

    [Fact]
    public void Without_parametrizations_there_are_only_titles()
    {
        var report = nn.Linear(2, 2).parametrization_report();
        Assert.Empty(report);
        Assert.Equal("tensor  value  shape  dtype  distance  trained  dimension", report.ToString());
    }

    public static TheoryData<Parametrization, long[], long> Dimensions =>
        new()
        {
            { Parametrizations.Identity, [3, 4], 12 },
            { Parametrizations.Symmetric, [2, 4, 4], 20 },
            { Parametrizations.Skew, [4, 4], 6 },
            { Parametrizations.Orthogonal(), [5, 3], 9 },
            { Parametrizations.Orthogonal(), [3, 5], 9 },
            { Parametrizations.OnKernel(Parametrizations.Orthogonal()), [5, 3, 1, 1], 9 },
            { Parametrizations.Sphere(), [3, 4], 9 },
            { Parametrizations.Spd(), [4, 4], 10 },
            { Parametrizations.Bounded(0, 1), [3, 4], 12 },
            { Parametrizations.WeightNorm(), [3, 4], 12 },
            { Parametrizations.SpectralNorm(), [3, 4], 11 },
            { Parametrizations.Invertible, [4, 4], 16 },
            { Parametrizations.PrunedL1(5), [3, 4], 7 },
        };

    [Theory]
    [MemberData(nameof(Dimensions))]
    public void Degrees_of_freedom(Parametrization value, long[] shape, long dimension) =>
        Assert.Equal(dimension, Of(value, randn(shape)).Dimension);

    private sealed class Tanh() : CustomNode("tanh", "tensors between -1 and 1 of my own"), ISaturates
    {
        public Tensor Slopes(Tensor[] inputs, Tensor[] buffers) => 1 - inputs[0].tanh().square();

        protected override Tensor Forward(Tensor input) => input.tanh();

        protected override Tensor RightInverse(Tensor value) => value.atanh();

        protected override Tensor Nearest(Tensor value) => value.clamp(-0.9, 0.9);
    }

    /// <summary>Parameters, and how many of them hardly train: where the derivative is below 0.01 of its largest.</summary>
    public static TheoryData<Parametrization, double[], double?> Saturations =>
        new()
        {
            { Parametrizations.Positive, [-20, -4.7, -4.5, 0, 20], 0.4 },
            { Parametrizations.Bounded(0, 5), [-20, -6.1, -5.9, 0, 5.9, 6.1, 20, 1], 0.5 },
            { Parametrizations.Bounded(2, double.PositiveInfinity), [-5, 1, 2, 30], 0.25 },
            { Parametrizations.Bounded(double.NegativeInfinity, 2), [-5, 1, 2, 30], 0.25 },
            { Parametrizations.Positive, [0, 1], 0 },
            { Parametrizations.Positive.Then(Parametrizations.Scale(0.001)), [-20, 0], 0.5 },
            { Parametrizations.Scale(10).Then(Parametrizations.Positive), [-1, -0.1], 0.5 },
            { Parametrizations.OnKernel(Parametrizations.Positive), [-20, 0], 0.5 },
            { Parametrizations.PositiveBy(PositiveMap.Exp), [-20, 0], null },
            { Parametrizations.PositiveBy(PositiveMap.Square), [0, 1], 0.5 },
            { Parametrizations.PositiveBy(PositiveMap.Square), [-200, 0.5, 1, 4], 0.5 },
            { Parametrizations.Of(new Tanh()), [-4, 0, 1, 4], 0.5 },
            { Parametrizations.Identity, [-20, 0], null },
            { Parametrizations.Sphere(), [-20, 0], null },
        };

    [Theory]
    [MemberData(nameof(Saturations))]
    public void Saturated_entries(Parametrization value, double[] parameters, double? share)
    {
        foreach (var dtype in new[] { ScalarType.Float64, ScalarType.Float32, ScalarType.BFloat16 })
        {
            var entries = torch.tensor(parameters, [parameters.Length, 1], dtype);
            var tensor = new ParametrizedTensor(value, zeros_like(entries), WhenNotAllowed.Project);
            using (no_grad())
                tensor.get_parameter("original")!.copy_(entries);
            var row = Assert.Single(tensor.parametrization_report());
            Assert.Equal(share, row.Saturated);
            Assert.Equal(share > 0, $"{row}".EndsWith('%'));
        }
    }

    [Fact]
    public void The_table_warns_of_them_only_where_there_are_some()
    {
        var first = nn.Linear(2, 2);
        nn.init.constant_(first.bias, 0.5);
        var model = nn.Sequential(first, nn.Linear(2, 2));
        model.register_parametrization("0.bias", Parametrizations.Positive);
        model.register_parametrization("1.weight", Parametrizations.Symmetric);
        Assert.DoesNotContain("saturated", $"{model.parametrization_report()}");
        using (no_grad())
            model.parametrization("0.bias").get_parameter("original")![0] = -20;
        Assert.Equal(
            """
            tensor    value      shape   dtype    distance  trained  dimension  saturated
            0.bias    positive   [2]     Float32  inside          2          2        50%
            1.weight  symmetric  [2, 2]  Float32  inside          4          3
            """.ReplaceLineEndings("\n"),
            model.parametrization_report().ToString()
        );
    }

    /// <summary>Not 0%, where there are some, nor 0.1% where there are fewer.</summary>
    [Theory]
    [InlineData(0, null)]
    [InlineData(1, "< 0.1%")]
    [InlineData(2, "0.1%")]
    [InlineData(3, "0.2%")]
    [InlineData(1000, "50%")]
    public void Few_saturated_entries_are_told(int count, string? shown)
    {
        var tensor = new ParametrizedTensor(Parametrizations.Positive, ones(2000));
        using (no_grad())
            tensor.Original.narrow(0, 0, count).fill_(-20);
        var report = tensor.parametrization_report();
        Assert.Equal(count / 2000.0, report[0].Saturated);
        if (shown is null)
            Assert.DoesNotContain("saturated", $"{report}");
        else
            Assert.EndsWith($"  {shown}", $"{report}");
    }

    [Fact]
    public void A_report_is_a_sequence_of_any_type_too()
    {
        var report = new ParametrizedTensor(Parametrizations.Positive, ones(3)).parametrization_report();
        var rows = ((System.Collections.IEnumerable)report).GetEnumerator();
        Assert.True(rows.MoveNext());
        Assert.Same(report[0], rows.Current);
        Assert.False(rows.MoveNext());
    }

    [Fact]
    public void Complex_numbers_count_twice()
    {
        var row = Of(Parametrizations.Hermitian, randn(3, 3, dtype: ScalarType.ComplexFloat64));
        Assert.Equal((18, 9), (row.Trained, row.Dimension));
        Assert.Equal(ScalarType.ComplexFloat64, row.Dtype);
    }

    [Fact]
    public void Frozen_tensors_train_nothing()
    {
        var layer = nn.Linear(3, 3).weight_norm();
        Assert.Equal(12, layer.parametrization_report()[0].Trained); // 3 magnitudes, 9 entries
        layer.parametrization("weight").get_parameter("original0")!.requires_grad = false;
        Assert.Equal(9, layer.parametrization_report()[0].Trained);
    }

    [Fact]
    public void A_spectral_norm_is_measured_not_believed()
    {
        var layer = nn.Linear(4, 4).spectral_norm();
        var tensor = layer.parametrization("weight");
        using (no_grad())
            tensor.get_parameter("original")!.copy_(diag(torch.tensor(new float[] { 1, 2, 3, 4 })).flip(0));
        var row = layer.parametrization_report()[0];
        layer.eval();
        using var value = tensor.Value;
        var distance = Math.Abs(linalg.svdvals(value)[0].item<float>() - 1);
        // Random vectors may be far from those of the norm.
        Assert.Equal(distance, row.Distance, 1e-5 * (1 + distance));
        Assert.True(row.Distance > 1e-3);
        Assert.IsType<ParametrizationError.NotAllowed>(row.Violation);
        Assert.Contains("|W|_2 = 1", layer.parametrization_report().ToString());
    }

    [Fact]
    public void A_base_that_has_decayed_shows()
    {
        var layer = nn.Linear(4, 4).orthogonal();
        using (no_grad())
            layer.get_buffer("parametrizations.weight.0.base")!.mul_(0.5);
        Assert.Equal(0.75, layer.parametrization_report()[0].Distance, 1e-5);
    }

    [Fact]
    public void What_is_not_finite_has_no_distance()
    {
        var layer = nn.Linear(4, 4).weight_norm();
        using (no_grad())
            layer.parametrization("weight").get_parameter("original1")![0, 0] = double.NaN;
        var row = layer.parametrization_report()[0];
        Assert.True(double.IsNaN(row.Distance));
        Assert.NotNull(row.Violation);
        Assert.Contains("not measurable", layer.parametrization_report().ToString());
    }

    [Fact]
    public void A_mask_in_use_counts_wherever_it_is_from()
    {
        var layer = nn.Linear(4, 4).register_parametrization("weight", Parametrizations.PrunedBernoulli(0.5, 1));
        layer.get_buffer("parametrizations.weight.0.mask")!.fill_(1)[0, 0] = 0;
        var row = layer.parametrization_report()[0];
        Assert.Equal((0, 15), (row.Distance, row.Dimension));
    }

    [Fact]
    public void Measuring_changes_nothing_not_even_while_training()
    {
        var net = new Net();
        net.first.spectral_norm();
        net.train();
        net.call(randn(2, 4)).sum().backward();
        var before = Snapshot.Of(net);
        var gradient = net.parametrization("first.weight").get_parameter("original")!.grad!.clone();
        net.parametrization_report();
        before.AssertUnchanged();
        Near.Identical(gradient, net.parametrization("first.weight").get_parameter("original")!.grad!);
    }

    [Fact]
    public void A_model_that_was_moved_is_measured_where_it_is()
    {
        var layer = nn.Linear(4, 4).orthogonal();
        layer.to(ScalarType.Float64);
        Assert.Equal(ScalarType.Float64, layer.parametrization_report()[0].Dtype);
    }
}

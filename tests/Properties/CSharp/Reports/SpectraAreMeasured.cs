using Parametrize;
using Parametrize.CSharp;
using Properties.CSharp.Support;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp.Reports;

/// <summary>What a report keeps beside its table: singular values and slopes.</summary>
public class SpectraAreMeasured
{
    private static TensorReport Of(Parametrization value, Tensor initial, long spectraUpTo = 64) =>
        Assert.Single(
            new ParametrizedTensor(value, initial, WhenNotAllowed.Reinterpret).parametrization_report(spectraUpTo)
        );

    private static double[] SingularValues(Tensor matrices) =>
        [.. linalg.svdvals(matrices).flatten().to(float64).cpu().data<double>().OrderDescending()];

    [Theory]
    [InlineData(ScalarType.Float64, 1e-12)]
    [InlineData(ScalarType.Float32, 1e-5)]
    [InlineData(ScalarType.BFloat16, 1e-2)]
    [InlineData(ScalarType.ComplexFloat64, 1e-12)]
    public void Those_of_a_matrix_are_in_descending_order(ScalarType dtype, double rounding)
    {
        using var left = Parametrizations.Orthogonal().Sample([3, 3], float64);
        using var right = Parametrizations.Orthogonal().Sample([4, 4], float64);
        var matrix = left.mm(diag(tensor(new[] { 0.5, 4, 2 }))).mm(right[TensorIndex.Slice(stop: 3)]);
        foreach (var given in new[] { matrix, matrix.mT })
        {
            var found = Of(Parametrizations.Identity, given.contiguous().to(dtype)).SingularValues!;
            Assert.Equal([4, 2, 0.5], found.Select(number => Math.Round(number, 1)));
            Assert.All(found.Zip([4, 2, 0.5]), pair => Assert.Equal(pair.Second, pair.First, 10 * rounding));
        }
    }

    public static TheoryData<Parametrization, long[], long[]> Shapes =>
        new()
        {
            // A batch is one for its value.
            { Parametrizations.Symmetric, [2, 3, 3], [2, 3, 3] },
            // A kernel counts as out x (in k...), where its value sees that, one matrix, or no matrices at all.
            { Parametrizations.OnKernel(Parametrizations.LowRank(2)), [4, 2, 3, 3], [4, 18] },
            { Parametrizations.WeightNorm(), [4, 2, 3, 3], [4, 18] },
            { Parametrizations.Positive, [4, 2, 3], [4, 6] },
            { Parametrizations.Identity, [4, 2, 3], [4, 6] },
        };

    [Theory]
    [MemberData(nameof(Shapes))]
    public void Batches_and_kernels_are_matrices_as_their_value_sees_them(
        Parametrization value,
        long[] shape,
        long[] matrices
    )
    {
        var tensor = new ParametrizedTensor(value, randn(shape, float64), WhenNotAllowed.Sample);
        var row = Assert.Single(tensor.parametrization_report(spectraUpTo: 64));
        Assert.Equal(SingularValues(tensor.Value.detach().reshape(matrices)), row.SingularValues!, Close);
    }

    private static bool Close(double left, double right) => Math.Abs(left - right) < 1e-12;

    [Fact]
    public void They_are_there_when_asked_for_up_to_that_much_work()
    {
        Assert.Null(Of(Parametrizations.Identity, randn(4, 4), spectraUpTo: 0).SingularValues);
        Assert.Null(Of(Parametrizations.Identity, randn(4, 4), spectraUpTo: 3).SingularValues);
        Assert.Equal(4, Of(Parametrizations.Identity, randn(4, 4), spectraUpTo: 4).SingularValues!.Count);
        // Tall ones are cheap, and a batch costs all of its matrices: 8 = 2 x 2 x 2.
        Assert.Single(Of(Parametrizations.Identity, randn(8, 1), spectraUpTo: 2).SingularValues!);
        Assert.Null(Of(Parametrizations.Identity, randn(9, 1), spectraUpTo: 2).SingularValues);
        Assert.Equal(8, Of(Parametrizations.Symmetric, zeros(8, 1, 1), spectraUpTo: 2).SingularValues!.Count);
        Assert.Null(Of(Parametrizations.Symmetric, zeros(9, 1, 1), spectraUpTo: 2).SingularValues);
        Assert.Throws<ArgumentOutOfRangeException>(() => nn.Linear(2, 2).parametrization_report(spectraUpTo: -1));
    }

    [Fact]
    public void Vectors_and_what_is_not_finite_have_none()
    {
        Assert.Null(Of(Parametrizations.Sphere(), ones(4)).SingularValues);
        var layer = nn.Linear(4, 4).weight_norm();
        using (no_grad())
            layer.parametrization("weight").get_parameter("original1")![0, 0] = double.NaN;
        Assert.Null(layer.parametrization_report(spectraUpTo: 64)[0].SingularValues);
    }

    [Fact]
    public void Slopes_count_every_entry_between_two_bounds()
    {
        double[] parameters = [-20, -4.7, -4.5, -2, -1, 0, 0.5, 1, 2, 4.5, 20, 50];
        var row = Of(Parametrizations.Positive, tensor(parameters));
        Assert.Equal([0.01, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1], row.Slopes!.Select(slope => slope.UpTo));
        double from = 0;
        foreach (var (upTo, entries) in row.Slopes!)
        {
            // The derivative of softplus, whose largest is 1.
            var within = parameters
                .Select(x => 1 / (1 + Math.Exp(-x)))
                .Count(slope => slope >= from && (slope < upTo || upTo == 1));
            Assert.Equal(within, entries);
            from = upTo;
        }
        Assert.Equal((double)row.Slopes![0].Entries / parameters.Length, row.Saturated);
        Assert.Null(Of(Parametrizations.Skew, zeros(2, 2)).Slopes);
    }
}

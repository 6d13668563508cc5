using FsCheck;
using FsCheck.Fluent;
using FsCheck.Xunit;
using Parametrize;
using Parametrize.CSharp;
using Properties.CSharp.Support;
using TorchSharp;
using TorchSharp.Modules;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp;

/// <summary>A value and the size and element type of the matrix for which it is tried.</summary>
public sealed record Assignment(Parametrization Value, long Size, ScalarType Dtype, int Seed)
{
    public static Arbitrary<Assignment> Arbitrary() =>
        (
            from value in Gen.Elements(
                Parametrizations.Identity,
                Parametrizations.Skew,
                Parametrizations.SkewFrom(Triangle.Lower),
                Parametrizations.Symmetric,
                Parametrizations.Triangular(Triangle.Lower),
                Parametrizations.Diagonal,
                Parametrizations.Orthogonal(),
                Parametrizations.Cayley(),
                Parametrizations.MatrixExp(),
                Parametrizations.Householder(),
                Parametrizations.Skew.Then(Parametrizations.Cayley()),
                Parametrizations.WeightNorm(),
                Parametrizations.WeightNorm(dim: null),
                Parametrizations.SpectralNorm(),
                Parametrizations.Sphere(),
                Parametrizations.SphereExp(),
                Parametrizations.Positive,
                Parametrizations.Bounded(-1, 2),
                Parametrizations.Spd(),
                Parametrizations.Invertible
            )
            from size in Gen.Choose(2, 7)
            from dtype in Gen.Elements(ScalarType.Float32, ScalarType.Float64)
            from seed in Gen.Choose(0, 100_000)
            select new Assignment(value, size, dtype, seed)
        ).ToArbitrary();

    internal Linear Layer()
    {
        manual_seed(Seed);
        return nn.Linear(Size, Size, dtype: Dtype).register_parametrization("weight", Value);
    }

    internal Tensor Sample()
    {
        using var generator = new Generator((ulong)Seed);
        return Value.Sample([Size, Size], Dtype, generator: generator);
    }
}

[Properties(Arbitrary = [typeof(Assignment)], MaxTest = 100, QuietOnSuccess = true)]
public class AssigningIsTheRightInverse
{
    [Property]
    public void What_is_assigned_is_read_back_and_computed_with(Assignment assignment)
    {
        var layer = assignment.Layer();
        var parameters = layer.parameters().ToArray();
        using var w = assignment.Sample();
        layer.parametrization("weight").Value = w;

        layer.eval();
        Near.Same(w, layer.parametrization("weight").Value, 1e3 * Near.Tolerance(w.dtype));
        var x = randn(3, assignment.Size, dtype: assignment.Dtype);
        Near.Same(nn.functional.linear(x, w, layer.bias), layer.call(x), 1e3 * Near.Tolerance(w.dtype));
        Assert.Equal(parameters, layer.parameters());
    }

    [Property]
    public void Assigning_the_property_does_the_same_at_the_next_use(Assignment assignment)
    {
        var (layer, twin) = (assignment.Layer(), assignment.Layer());
        using var w = assignment.Sample();
        twin.parametrization("weight").Value = w;
        layer.weight = nn.Parameter(w.clone());

        Assert.Equal(twin.state_dict().Keys, layer.state_dict().Keys);
        Assert.All(
            twin.state_dict().Zip(layer.state_dict()),
            pair => Near.Identical(pair.First.Value, pair.Second.Value)
        );
        Assert.Equal(0, layer.weight.numel());
    }

    [Property]
    public void The_assigned_tensor_is_copied(Assignment assignment)
    {
        var layer = assignment.Layer();
        using var w = assignment.Sample();
        layer.parametrization("weight").Value = w;
        var before = Snapshot.Of(layer);
        w.fill_(17);
        before.AssertUnchanged();
    }

    [Property]
    public void A_refused_tensor_changes_nothing(Assignment assignment)
    {
        var layer = assignment.Layer();
        layer.eval();
        using var wrong = randn(assignment.Size, assignment.Size, dtype: assignment.Dtype) - 3;
        if (assignment.Value.Contains(wrong))
            return;
        var before = Snapshot.Of(layer);
        var parametrized = layer.parametrization("weight");
        var thrown = Assert.Throws<ParametrizationException>(() => parametrized.Value = wrong);
        var returned = parametrized.TryAssign(wrong);

        Assert.Equal(thrown.Error.Message, returned!.Message);
        Assert.StartsWith("Linear.weight: ", thrown.Message);
        before.AssertUnchanged();
    }

    [Property]
    public void Moving_the_base_keeps_the_value(Assignment assignment)
    {
        var layer = assignment.Layer();
        layer.eval();
        using var before = layer.parametrization("weight").Value;
        layer.parametrization("weight").MoveBase();
        Near.Same(before, layer.parametrization("weight").Value, 1e3 * Near.Tolerance(before.dtype));
    }
}

public class AssigningByExamples
{
    [Fact]
    public void An_orthogonal_matrix_becomes_the_base_and_the_skew_parameter_zero()
    {
        var layer = nn.Linear(5, 5, dtype: ScalarType.Float64);
        layer.register_parametrization("weight", Parametrizations.Skew);
        layer.register_parametrization("weight", Parametrizations.Cayley());
        using var q = Parametrizations.Orthogonal().Sample([5, 5], ScalarType.Float64);
        layer.parametrization("weight").Value = q;
        Near.Identical(q, layer.state_dict()["parametrizations.weight.1.base"]);
        Near.Same(zeros(5, 5, dtype: ScalarType.Float64), layer.state_dict()["parametrizations.weight.original"]);
        Near.Identical(q, layer.parametrization("weight").Value);
    }

    [Fact]
    public void A_property_that_is_assigned_a_refused_tensor_says_so_once_and_keeps_the_old_value()
    {
        var layer = nn.Linear(4, 4).orthogonal();
        using var before = layer.parametrization("weight").Value;
        layer.weight = nn.Parameter(ones(4, 4));
        Assert.Throws<ParametrizationException>(() => layer.call(randn(2, 4)));
        layer.call(randn(2, 4));
        Near.Identical(before, layer.parametrization("weight").Value);
        Assert.Equal(3, layer.state_dict().Count);
    }

    [Fact]
    public void A_field_of_ones_own_may_be_assigned_and_the_tensor_stays_usable()
    {
        var module = new TensorField().register_parametrization("table", Parametrizations.Symmetric);
        var symmetric = eye(4) * 3;
        module.table = symmetric;
        Near.Same(symmetric, module.call(eye(4)));
        Assert.Equal(12f, symmetric.sum().item<float>());
    }

    [Fact]
    public void Moving_the_base_zeroes_the_parameter()
    {
        var layer = nn.Linear(4, 4).register_parametrization("weight", Parametrizations.Skew);
        layer.register_parametrization("weight", Parametrizations.Cayley());
        using (no_grad())
            layer.parameters().Last().copy_(randn(4, 4));
        layer.parametrization("weight").MoveBase();
        Near.Same(zeros(4, 4), layer.state_dict()["parametrizations.weight.original"]);
    }

    [Fact]
    public void Inverse_and_log_determinant_are_those_of_the_value()
    {
        var layer = nn.Linear(4, 4).register_parametrization("weight", Parametrizations.Invertible);
        layer.to(ScalarType.Float64);
        var parametrized = layer.parametrization("weight");
        using var w = parametrized.Value;
        Near.Same(eye(4, dtype: w.dtype), parametrized.Inverse().matmul(w), 1e-8);
        Near.Same(linalg.slogdet(w).Item2, parametrized.LogDeterminant());
        parametrized.LogDeterminant().backward();
        Assert.NotNull(parametrized.parameters().Single().grad);
    }

    [Fact]
    public void Inverse_and_log_determinant_need_an_invertible_value()
    {
        var parametrized = nn.Linear(4, 4).orthogonal().parametrization("weight");
        Assert.Throws<InvalidOperationException>(parametrized.Inverse);
        Assert.Throws<InvalidOperationException>(parametrized.LogDeterminant);
    }

    [Fact]
    public void A_value_that_is_read_belongs_to_the_reader()
    {
        var parametrized = nn.Linear(4, 4)
            .register_parametrization("weight", Parametrizations.Identity)
            .parametrization("weight");
        parametrized.Value.Dispose();
        using (parametrize.cached())
        {
            parametrized.Value.Dispose();
            using var again = parametrized.Value;
            Assert.Equal(16, again.numel());
        }
    }
}

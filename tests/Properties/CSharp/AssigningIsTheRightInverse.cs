using FsCheck;
using FsCheck.Fluent;
using FsCheck.Xunit;
using Parametrize;
using Parametrize.CSharp;
using Properties.CSharp.Support;
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
                Parametrizations.WeightNorm(dimension: null),
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
        Seeded.Everywhere(Seed);
        return nn.Linear(Size, Size, dtype: Dtype).register_parametrization("weight", Value);
    }

    internal Tensor Sample()
    {
        using var generator = new Generator((ulong)Seed);
        return Value.Sample([Size, Size], Dtype, generator: generator);
    }
}

[Properties(Arbitrary = [typeof(Assignment)], MaxTest = 150, QuietOnSuccess = true)]
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
        foreach (var used in new[] { layer, twin })
            used.parametrization("weight").Value.Dispose();

        Assert.Equal(twin.state_dict().Keys, layer.state_dict().Keys);
        Assert.All(
            twin.state_dict().Zip(layer.state_dict()),
            pair => Near.Identical(pair.First.Value, pair.Second.Value)
        );
        Near.Placeholder(layer.weight);
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

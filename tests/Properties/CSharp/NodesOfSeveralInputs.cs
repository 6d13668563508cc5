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

/// <summary>A matrix of low rank as a product of two factors.</summary>
internal sealed class LowRank(int rank, int inputCount = 2)
    : CustomNodeOfSeveral($"myLowRank {rank}", $"matrices of rank {rank}", inputCount)
{
    public Parametrization Value => Parametrizations.Of(this);

    public static Tensor[] Factors(Tensor value, int rank)
    {
        var (left, values, right) = linalg.svd(value, fullMatrices: false);
        var root = values[..rank].sqrt();
        return [left[.., ..rank] * root, root.unsqueeze(1) * right[..rank]];
    }

    protected override IReadOnlyList<long[]> InputShapes(long[] shape) =>
        [
            [shape[0], rank],
            [rank, shape[1]],
        ];

    protected override long[] OutputShape(IReadOnlyList<long[]> inputs) => [inputs[0][0], inputs[^1][1]];

    protected override Tensor Forward(Tensor[] inputs) => inputs[0].matmul(inputs[1]);

    protected override Tensor[] RightInverse(Tensor value) => Factors(value, rank);
}

public sealed record LowRankCase(int Rows, int Columns, int Rank, ScalarType Dtype, int Seed)
{
    public static Arbitrary<LowRankCase> Arbitrary() =>
        (
            from rows in Gen.Choose(2, 8)
            from columns in Gen.Choose(2, 8)
            from rank in Gen.Choose(1, Math.Min(rows, columns) - 1)
            from dtype in Gen.Elements(ScalarType.Float32, ScalarType.Float64)
            from seed in Gen.Choose(0, 100_000)
            select new LowRankCase(rows, columns, rank, dtype, seed)
        ).ToArbitrary();

    internal Parametrization Value => new LowRank(Rank).Value;

    internal Linear Plain()
    {
        Seeded.Everywhere(Seed);
        return nn.Linear(Columns, Rows, dtype: Dtype);
    }

    internal Linear Layer() => Plain().register_parametrization("weight", Value, WhenNotAllowed.Project);

    internal Tensor Product() => rand(Rows, Rank, dtype: Dtype).matmul(rand(Rank, Columns, dtype: Dtype));
}

/// <summary>A tensor that a node of one's own computes from several.</summary>
[Properties(Arbitrary = [typeof(LowRankCase)], MaxTest = 50, QuietOnSuccess = true)]
public class NodesOfSeveralInputs
{
    [Property]
    public void Start_at_the_nearest_value_and_name_every_input(LowRankCase @case)
    {
        var factors = LowRank.Factors(@case.Plain().weight!.detach(), @case.Rank);
        var layer = @case.Layer();
        Near.Same(factors[0].matmul(factors[1]), layer.parametrization("weight").Value);
        var state = layer.state_dict();
        Assert.Equal([@case.Rows, @case.Rank], state["parametrizations.weight.original0"].shape);
        Assert.Equal([@case.Rank, @case.Columns], state["parametrizations.weight.original1"].shape);
        Assert.Equal(3, layer.parameters().Count());
    }

    [Property]
    public void Take_exactly_what_is_allowed_and_leave_it_behind(LowRankCase @case)
    {
        var layer = @case.Layer();
        using var allowed = @case.Product();
        Assert.True(@case.Value.Contains(allowed));
        layer.parametrization("weight").Value = allowed;
        Near.Same(allowed, layer.parametrization("weight").Value);
        layer.remove_parametrizations("weight");
        Near.Same(allowed, layer.weight!);
    }

    [Property]
    public void Refuse_what_is_not_allowed_and_change_nothing(LowRankCase @case)
    {
        var layer = @case.Layer();
        var before = Snapshot.Of(layer);
        using var full = eye(@case.Rows, @case.Columns, dtype: @case.Dtype);
        Assert.Throws<ParametrizationException>(() => layer.parametrization("weight").Value = full);
        before.AssertUnchanged();
    }

    [Property]
    public void Train_every_input_by_the_gradient_of_the_formula(LowRankCase @case)
    {
        var layer = @case.Layer();
        var inputs = layer.parametrization("weight").named_parameters().Select(entry => entry.parameter).ToArray();
        var byHand = inputs.Select(input => input.detach().clone().requires_grad_()).ToArray();
        using var x = rand(3, @case.Columns, dtype: @case.Dtype);

        layer.call(x).square().sum().backward();
        nn.functional.linear(x, byHand[0].matmul(byHand[1]), layer.bias!.detach()).square().sum().backward();

        foreach (var (mine, expected) in inputs.Zip(byHand))
            Near.Same(expected.grad!, mine.grad!, tolerance: 100 * Near.Tolerance(@case.Dtype));
    }

    [Fact]
    public void Of_equal_options_are_equal()
    {
        Assert.Equal(new LowRank(2).Value, new LowRank(2).Value);
        Assert.NotEqual(new LowRank(2).Value, new LowRank(3).Value);
        Assert.Equal("myLowRank 2", $"{new LowRank(2).Value}");
    }

    [Fact]
    public void Stand_first_in_their_chain()
    {
        var doubled = new LowRank(1).Value.Then(new Doubling().Value);
        Assert.Equal("myLowRank 1 >>> doubling", $"{doubled}");
        Assert.Throws<ParametrizationException>(() => Parametrizations.Symmetric.Then(new LowRank(1).Value));
    }

    [Fact]
    public void Whose_inverse_yields_another_number_are_named()
    {
        var layer = nn.Linear(4, 4);
        var before = Snapshot.Of(layer);
        var error = Assert.Throws<InvalidOperationException>(() =>
            layer.register_parametrization("weight", new LowRank(2, inputCount: 3).Value, WhenNotAllowed.Project)
        );
        Assert.Contains("myLowRank 2", error.Message);
        Assert.Contains("3", error.Message);
        before.AssertUnchanged();
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-1)]
    public void Have_at_least_one(int inputCount) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => new LowRank(1, inputCount));
}

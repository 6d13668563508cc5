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

namespace Properties.CSharp.Optimizers;

/// <summary>`update_base` and `update_bases`: dynamic trivializations, with and without the optimizer.</summary>
public class BasesMoveDuringTraining
{
    private static readonly Dictionary<string, Parametrization> Based = new()
    {
        ["cayley"] = Parametrizations.Cayley(),
        ["matrixExp"] = Parametrizations.MatrixExp(),
        ["householder"] = Parametrizations.Householder(),
        ["skew, cayley"] = Parametrizations.Skew.Then(Parametrizations.Cayley()),
    };

    /// <summary>The nearest matrix to a target among those of its determinant, from a start of the same sign.</summary>
    public sealed record Procrustes(string Map, string Optimizer, bool ResetsMomenta, int Every, int Rows, int Seed)
    {
        private readonly Tensor _target = Target(Rows, Seed);

        public Linear Layer { get; } = Start(Map, Rows, Seed);

        public Tensor Weight => Layer.parametrization("weight").Value;

        public Tensor Loss()
        {
            using var weight = Weight;
            return (weight - _target).pow(2).sum();
        }

        private static Tensor Target(int rows, int seed)
        {
            Seeded.Everywhere(seed);
            return Parametrizations.Orthogonal().Sample([rows, 3], ScalarType.Float64);
        }

        private static Linear Start(string map, int rows, int seed)
        {
            using var target = Target(rows, seed);
            using var turned = target.matmul(
                linalg.matrix_exp(Parametrizations.Skew.Sample([3, 3], ScalarType.Float64))
            );
            var layer = nn.Linear(3, rows, dtype: ScalarType.Float64);
            layer.weight = nn.Parameter(turned.clone());
            return layer.register_parametrization("weight", Based[map]);
        }
    }

    private static Arbitrary<Procrustes> Problems(params string[] optimizers) =>
        (
            from map in Gen.Elements<string>(Based.Keys)
            from optimizer in Gen.Elements(optimizers)
            from resets in Gen.Elements(true, false)
            from every in Gen.Choose(5, 40)
            from rows in Gen.Elements(3, 5)
            from seed in Gen.Choose(1, 1000)
            where rows == 3 || !map.StartsWith("skew")
            select new Procrustes(map, optimizer, resets, every, rows, seed)
        ).ToArbitrary();

    private static void Step(optim.Optimizer optimizer, Func<Tensor> loss)
    {
        using var _ = NewDisposeScope();
        optimizer.zero_grad();
        loss().backward();
        optimizer.step();
    }

    [Property(MaxTest = 30)]
    public Property Training_with_moving_bases_reaches_the_optimum() =>
        Prop.ForAll(
            Problems("SGD momentum", "Adam"),
            problem =>
            {
                var layer = problem.Layer;
                using var optimizer = AnyOptimizer.Build(problem.Optimizer, layer.parameters());
                var parameters = layer.parameters().ToArray();
                for (var step = 1; step <= 400; step++)
                {
                    Step(optimizer, problem.Loss);
                    if (step % problem.Every != 0)
                        continue;
                    using var before = problem.Weight;
                    layer.update_base("weight", problem.ResetsMomenta ? optimizer : null);
                    using var after = problem.Weight;
                    Near.Same(before, after, 1e-12);
                    Near.Orthogonal(after);
                }
                Assert.All(parameters.Zip(layer.parameters()), pair => Assert.Same(pair.First, pair.Second));
                using var loss = problem.Loss();
                Assert.True(loss.item<double>() < 1e-3, $"{problem}: {loss.item<double>()}");
            }
        );

    /// <summary>
    /// What is reset is what an optimizer adds to a step beside the gradient: with none, the parameter stays where it is.
    /// </summary>
    [Property]
    public Property Without_a_gradient_a_reset_optimizer_stays_at_the_base() =>
        Prop.ForAll(
            Problems([.. AnyOptimizer.Names.Where(name => name is not ("SGD nesterov" or "Adam amsgrad" or "AdamW"))]),
            problem =>
            {
                var layer = problem.Layer;
                using var optimizer = AnyOptimizer.Build(problem.Optimizer, layer.parameters());
                for (var step = 0; step < problem.Every; step++)
                    Step(optimizer, problem.Loss);
                layer.update_base("weight", optimizer);
                Assert.All(layer.parametrization("weight").parameters(), moved => Assert.Null(moved.grad));
                using var before = problem.Weight;
                Step(optimizer, () => problem.Loss() * 0);
                Near.Same(before, problem.Weight, 1e-12);
            }
        );

    public static TheoryData<string> AllOptimizers => [.. AnyOptimizer.Names];

    [Theory]
    [MemberData(nameof(AllOptimizers))]
    public void Moving_leaves_no_tensors(string name)
    {
        var layer = nn.Linear(3, 3).orthogonal();
        using var optimizer = AnyOptimizer.Build(name, layer.parameters());
        Step(optimizer, () => layer.call(eye(3)).pow(3).sum());
        layer.update_bases(optimizer);
        var before = DisposeScopeManager.Statistics.TensorStatistics.ThreadTotalLiveCount;
        layer.update_bases(optimizer);
        Assert.Equal(before, DisposeScopeManager.Statistics.TensorStatistics.ThreadTotalLiveCount);
        Step(optimizer, () => layer.call(eye(3)).pow(3).sum());
    }

    [Fact]
    public void Sizes_and_counts_of_steps_stay_and_so_does_what_was_not_moved()
    {
        var layer = nn.Linear(3, 3).orthogonal();
        using var adam = optim.Adam([.. layer.parameters()], 0.1);
        Step(adam, () => layer.call(eye(3)).pow(3).sum());
        var (ofBias, ofWeight) = ((Adam.State)adam.state_dict().State[0], (Adam.State)adam.state_dict().State[1]);
        using var sizes = ofWeight.exp_avg_sq.clone();
        using var other = ofBias.exp_avg.clone();
        var momentum = ofWeight.exp_avg;
        layer.update_base("weight", adam);
        Near.Identical(sizes, ofWeight.exp_avg_sq);
        Near.Identical(other, ofBias.exp_avg);
        Assert.Equal(1, ofWeight.step);
        Assert.Same(momentum, ofWeight.exp_avg);
        Near.Identical(zeros(3, 3), momentum);
        Near.Different(zeros(3), other);
    }

    /// <summary>Why momenta may stay: the charts agree up to the distance of their bases.</summary>
    [Theory]
    [InlineData("cayley", 3)]
    [InlineData("cayley", 5)]
    [InlineData("matrixExp", 3)]
    [InlineData("matrixExp", 5)]
    [InlineData("householder", 3)]
    [InlineData("householder", 5)]
    public void Gradients_of_a_near_base_are_those_of_the_new_one(string map, int rows)
    {
        var problem = new Procrustes(map, "SGD", false, 1, rows, 5);
        var original = problem.Layer.parametrization("weight").parameters().Single();
        double Change(double distance)
        {
            problem.Layer.update_base("weight");
            using (no_grad())
                original.add_(ones(rows, 3, dtype: ScalarType.Float64).tril(-1), alpha: distance);
            problem.Loss().backward();
            using var before = original.grad!.clone();
            problem.Layer.update_base("weight");
            problem.Loss().backward();
            using var after = original.grad!.clone();
            original.grad = null;
            return Near.Distance(before, after);
        }
        Assert.InRange(Change(1e-4), 0, 1e-2);
        Assert.InRange(Change(1e-6), 0, 1e-4);
    }

    private static Sequential Model() =>
        nn.Sequential(
            ("ring", nn.Linear(4, 4).orthogonal()),
            ("normed", nn.Linear(4, 4).weight_norm()),
            ("sphere", nn.Linear(4, 4).register_parametrization("weight", Parametrizations.SphereExp())),
            ("plain", nn.Linear(4, 4))
        );

    [Fact]
    public void Of_a_model_those_with_a_base_move()
    {
        var model = Model();
        using var adam = optim.Adam(model.parameters(), 0.1);
        Step(adam, () => model.call(eye(4)).pow(2).sum());
        using var before = model.call(eye(4));
        Assert.Equal(["ring.weight", "sphere.weight"], model.update_bases(adam));
        Near.Same(before, model.call(eye(4)));
        Near.Same(zeros(4, 4), model.state_dict()["sphere.parametrizations.weight.original"]);
        Assert.Empty(nn.Linear(2, 2).update_bases());
    }

    [Fact]
    public void A_tensor_of_ones_own_moves_too()
    {
        var own = new ParametrizedTensor(Parametrizations.SphereExp(), randn(3, 3));
        using (no_grad())
            own.parameters().Single().add_(randn(3, 3));
        Assert.Equal([""], own.update_bases());
        Near.Same(zeros(3, 3), own.parameters().Single());
    }

    [Fact]
    public void All_move_or_none()
    {
        var model = Model();
        using (no_grad())
            model.parametrization("sphere.weight").parameters().Single()[0, 0] = double.NaN;
        model.parametrization("ring.weight").parameters().Single().sum().backward();
        var before = Snapshot.Of(model);
        Assert.Throws<ParametrizationException>(() => model.update_bases());
        before.AssertUnchanged();
        Assert.NotNull(model.parametrization("ring.weight").parameters().Single().grad);
    }

    [Fact]
    public void An_optimizer_whose_momenta_are_out_of_reach_is_refused_before_anything_moves()
    {
        var layer = nn.Linear(3, 3).orthogonal();
        // Off the base: moving it changes all numbers.
        using (no_grad())
            layer.parametrization("weight").Originals[0].copy_(randn(3, 3));
        layer.parametrization("weight").Value.sum().backward();
        var before = Snapshot.Of(layer);
        Assert.Throws<NotSupportedException>(() => layer.update_base("weight", optim.LBFGS(layer.parameters())));
        before.AssertUnchanged();
    }

    [Fact]
    public void Without_a_base_the_error_says_what_has_one()
    {
        var layer = nn.Linear(3, 3).weight_norm();
        var before = Snapshot.Of(layer);
        var refused = Assert.Throws<InvalidOperationException>(() => layer.update_base("weight"));
        Assert.StartsWith("Linear.weight is weightNorm", refused.Message);
        Assert.Contains("`Orthogonal`", refused.Message);
        Assert.Throws<ArgumentException>(() => layer.update_base("bias"));
        before.AssertUnchanged();
    }

    [Fact]
    public void In_a_cached_scope_the_next_use_has_the_new_base()
    {
        var layer = nn.Linear(3, 3).orthogonal();
        using var _ = parametrize.cached();
        using var before = layer.parametrization("weight").Value;
        layer.update_base("weight");
        layer.call(eye(3)).sum().backward();
        Near.Same(before, layer.parametrization("weight").Value);
        Assert.NotNull(layer.parametrization("weight").parameters().Single().grad);
    }
}

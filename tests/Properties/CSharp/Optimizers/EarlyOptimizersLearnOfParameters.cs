using FsCheck;
using FsCheck.Fluent;
using FsCheck.Xunit;
using Parametrize.CSharp;
using Properties.CSharp.Support;
using TorchSharp;
using TorchSharp.Modules;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp.Optimizers;

/// <summary>An optimizer built before registering, told of the new parameters, is one built afterwards.</summary>
public class EarlyOptimizersLearnOfParameters
{
    /// <summary>
    /// Which optimizer; whether it was given `model.parameters()`, which is read anew at each step, or a list; how many
    /// steps.
    /// </summary>
    public sealed record Training(string Optimizer, bool IsLazy, int Steps, int Seed)
    {
        public OptimizerHelper Build(nn.Module model) =>
            AnyOptimizer.Build(Optimizer, IsLazy ? model.parameters() : [.. model.parameters()]);

        public Sequential Model()
        {
            Seeded.Everywhere(Seed);
            return nn.Sequential(("normed", nn.Linear(4, 4)), ("last", nn.Linear(4, 4)));
        }

        public static void Register(Sequential model) => model.weight_norm("normed.weight").orthogonal("last.weight");

        /// <summary>Built before registering, with a scheduler, and told.</summary>
        public Learner Early()
        {
            var model = Model();
            var optimizer = Build(model);
            var scheduler = optim.lr_scheduler.StepLR(optimizer, 2, 0.5);
            Register(model);
            optimizer.add_parametrized_parameters(model);
            return new(model, optimizer, scheduler);
        }

        public Learner Late()
        {
            var model = Model();
            Register(model);
            var optimizer = Build(model);
            return new(model, optimizer, optim.lr_scheduler.StepLR(optimizer, 2, 0.5));
        }
    }

    public sealed record Learner(Sequential Model, OptimizerHelper Optimizer, optim.lr_scheduler.LRScheduler Scheduler)
    {
        public void Step(int times)
        {
            using var input = eye(4);
            for (var step = 0; step < times; step++)
            {
                using var _ = NewDisposeScope();
                Optimizer.zero_grad();
                (Model.call(input) - 2 * input).pow(2).sum().backward();
                Optimizer.step();
                Scheduler.step();
            }
        }
    }

    private static Arbitrary<Training> Trainings() =>
        (
            from optimizer in Gen.Elements(AnyOptimizer.Names)
            from isLazy in Gen.Elements(true, false)
            from steps in Gen.Choose(1, 8)
            from seed in Gen.Choose(1, 1000)
            select new Training(optimizer, isLazy, steps, seed)
        ).ToArbitrary();

    private static Parameter Magnitude(nn.Module model, string name = "normed.weight") =>
        model.parametrization(name).get_parameter("original0")!;

    private static void AssertSame(nn.Module expected, nn.Module actual) =>
        Assert.All(
            expected.named_parameters().Zip(actual.named_parameters()),
            pair => Near.Same(pair.First.parameter, pair.Second.parameter)
        );

    [Property]
    public Property It_trains_as_if_it_were_built_afterwards() =>
        Prop.ForAll(
            Trainings(),
            training =>
            {
                var (early, late) = (training.Early(), training.Late());
                using var magnitude = Magnitude(early.Model).detach().clone();
                early.Step(training.Steps);
                late.Step(training.Steps);
                AssertSame(late.Model, early.Model);
                Assert.True(Near.Distance(magnitude, Magnitude(early.Model)) > 0);
                Assert.Equal(late.Scheduler.get_last_lr(), early.Scheduler.get_last_lr());
            }
        );

    [Property]
    public Property It_knows_every_parameter_once_however_often_it_is_told() =>
        Prop.ForAll(
            Trainings(),
            training =>
            {
                var model = training.Model();
                var optimizer = training.Build(model);
                Training.Register(model);

                var added = optimizer.add_parametrized_parameters(model);

                Assert.Same(Magnitude(model), Assert.Single(added));
                Assert.Empty(optimizer.add_parametrized_parameters(model));
                Assert.Single(optimizer.ParamGroups);
                Assert.Equal(
                    model.parameters().OrderBy(own => own.Handle),
                    optimizer.parameters().OrderBy(own => own.Handle)
                );
            }
        );

    [Property]
    public Property Its_state_is_saved_and_loaded() =>
        Prop.ForAll(
            Trainings(),
            training =>
            {
                var (source, target) = (training.Early(), training.Early());
                source.Step(training.Steps);
                for (var epoch = 0; epoch < training.Steps; epoch++)
                    target.Scheduler.step();
                using var file = new MemoryStream();
                source.Optimizer.save_state_dict(new BinaryWriter(file));
                file.Position = 0;
                target.Optimizer.load_state_dict(new BinaryReader(file));
                target.Model.load_parametrized_state_dict(source.Model.state_dict());
                Assert.Equal(5, source.Optimizer.state_dict().State.Count);

                source.Step(3);
                target.Step(3);
                AssertSame(source.Model, target.Model);
            }
        );

    /// <summary>The ordinary way to build an optimizer: it lists the new parameter, and has no state for it.</summary>
    [Fact]
    public void Built_from_the_models_own_list_it_fails_until_it_is_told()
    {
        var layer = nn.Linear(4, 4);
        using var optimizer = optim.SGD(layer.parameters(), 0.1);
        layer.weight_norm();
        layer.call(eye(4)).sum().backward();
        Assert.Throws<KeyNotFoundException>(() => optimizer.step());
        optimizer.add_parametrized_parameters(layer);
        optimizer.step();
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void After_removing_what_was_new_does_no_harm(bool isLazy)
    {
        var layer = nn.Linear(4, 4);
        using var optimizer = optim.Adam(isLazy ? layer.parameters() : [.. layer.parameters()], 0.1);
        optimizer.add_parametrized_parameters(layer.weight_norm());
        layer.remove_parametrizations("weight");
        using var before = layer.weight.detach().clone();
        optimizer.zero_grad();
        layer.call(eye(4)).sum().backward();
        optimizer.step();
        Near.Different(before, layer.weight);
        Assert.Equal(isLazy ? 2 : 3, optimizer.state_dict().State.Count);
        Assert.Single(optimizer.add_parametrized_parameters(layer.weight_norm()));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Registering_and_removing_again_and_again_leaves_nothing(bool isLazy)
    {
        var model = nn.Sequential(("first", nn.Linear(4, 4)), ("last", nn.Linear(4, 4)));
        using var optimizer = optim.Adam(isLazy ? model.parameters() : [.. model.parameters()], 0.1);
        var sizes = new List<(int Listed, int States)>();
        for (var time = 0; time < 5; time++)
        {
            using var scope = NewDisposeScope();
            model.weight_norm("first.weight").register_parametrization("last.weight", Parametrizations.LowRank(2));
            Assert.Equal(4, optimizer.add_parametrized_parameters(model).Count);
            Assert.Empty(optimizer.add_parametrized_parameters(model));
            model.call(eye(4)).sum().backward();
            optimizer.step();
            sizes.Add((optimizer.parameters().Count(), optimizer.state_dict().State.Count));
            // A chain of values is one tensor, which goes only when all of it does.
            model.register_parametrization("first.weight", Parametrizations.Identity);
            optimizer.add_parametrized_parameters(model);
            Assert.Equal(sizes[^1].States, optimizer.state_dict().State.Count);
            model.remove_parametrizations("first.weight").remove_parametrizations("last.weight");
        }
        Assert.All(sizes, size => Assert.Equal(sizes[0], size));
        optimizer.add_parametrized_parameters(model);
        Assert.Equal((4, 4), (optimizer.parameters().Count(), optimizer.state_dict().State.Count));
    }

    [Theory]
    [InlineData("weight")]
    [InlineData("weight+bias")]
    public void One_built_in_between_goes_on_after_removing(string name)
    {
        var layer = nn.Linear(4, 4).weight_norm(name);
        using var optimizer = optim.Adam([.. layer.parameters()], 0.1);
        layer.call(eye(4)).sum().backward();
        layer.remove_parametrizations(name);
        optimizer.step();
        layer.call(eye(4)).sum().backward();
        optimizer.step();
    }

    [Fact]
    public void One_without_a_group_is_refused()
    {
        var layer = nn.Linear(4, 4).weight_norm();
        using var optimizer = optim.SGD(Array.Empty<TorchSharp.Modules.SGD.ParamGroup>(), 0.1);
        var before = Snapshot.Of(layer);
        var refused = Assert.Throws<ArgumentException>(() => optimizer.add_parametrized_parameters(layer));
        Assert.StartsWith("The SGD has no parameter group to join. Build it with one.", refused.Message);
        Assert.Equal("optimizer", refused.ParamName);
        before.AssertUnchanged();
        Assert.Empty(optimizer.ParamGroups);
    }

    [Fact]
    public void LBFGS_is_refused_when_it_lacks_one()
    {
        var layer = nn.Linear(4, 4);
        var early = optim.LBFGS(layer.parameters());
        layer.weight_norm();
        var before = Snapshot.Of(layer);
        var refused = Assert.Throws<NotSupportedException>(() => early.add_parametrized_parameters(layer));
        Assert.Contains("lacks 1", refused.Message);
        before.AssertUnchanged();
        Assert.Empty(optim.LBFGS(layer.parameters()).add_parametrized_parameters(layer));
        foreach (var parameter in layer.parametrized_parameters())
            parameter.requires_grad = false;
        Assert.Empty(optim.LBFGS([layer.bias!]).add_parametrized_parameters(layer));
    }

    [Fact]
    public void Nothing_is_kept_of_the_calls()
    {
        var layer = nn.Linear(4, 4).weight_norm();
        using var optimizer = optim.Adam(layer.parameters());
        var before = DisposeScopeManager.Statistics.ThreadTotalLiveCount;
        for (var time = 0; time < 10; time++)
            optimizer.add_parametrized_parameters(layer);
        Assert.Equal(before, DisposeScopeManager.Statistics.ThreadTotalLiveCount);
    }
}

using System.Reflection;
using Parametrize.CSharp;
using Properties.CSharp.Support;
using TorchSharp.Modules;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp.Optimizers;

/// <summary>What stands in an optimizer's state after its momenta were reset, for every optimizer and several tensors.</summary>
public class ResetsForgetDirectionsOnly
{
    private const BindingFlags Own = BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic;

    /// <summary>The members that are directions. Whatever else a state holds stays, bit for bit.</summary>
    private static readonly Dictionary<Type, string[]> Directions = new()
    {
        [typeof(SGD.State)] = ["momentum_buffer"],
        [typeof(Adam.State)] = ["exp_avg"],
        [typeof(AdamW.State)] = ["exp_avg"],
        [typeof(NAdam.State)] = ["exp_avg"],
        [typeof(RAdam.State)] = ["exp_avg"],
        [typeof(Adamax.State)] = ["exp_avg"],
        [typeof(Rprop.State)] = ["prev"],
        [typeof(RMSProp.State)] = ["momentum_buffer", "grad_avg"],
        [typeof(ASGD.State)] = [],
        [typeof(Adagrad.State)] = [],
        [typeof(Adadelta.State)] = [],
    };

    public static TheoryData<string> All => [.. AnyOptimizer.Names];

    [Fact]
    public void Every_optimizer_with_a_state_is_tried()
    {
        var states = typeof(optim)
            .Assembly.GetTypes()
            .Where(type => type.IsSubclassOf(typeof(OptimizerState)) && type.DeclaringType is { IsAbstract: false });
        Assert.Equal(states.Select(NameOf).Order(), Directions.Keys.Select(NameOf).Order());
        Assert.Equal(
            Directions.Keys.Select(NameOf).Order(),
            AnyOptimizer.Names.Select(StateOf).Distinct().Select(NameOf).Order()
        );

        static string NameOf(Type state) => state.DeclaringType!.Name;

        static Type StateOf(string name)
        {
            var layer = nn.Linear(2, 2);
            using var optimizer = AnyOptimizer.Build(name, layer.parameters());
            layer.call(ones(1, 2)).sum().backward();
            optimizer.step();
            return optimizer.state_dict().State[0].GetType();
        }
    }

    [Theory]
    [MemberData(nameof(All))]
    public void After_moving_the_bases_of_a_model(string name)
    {
        var model = Model();
        using var optimizer = AnyOptimizer.Build(name, model.parameters());
        Train(model, optimizer);
        string[] based = ["ball.weight", "ring.weight", "turn.weight"];
        using var scope = NewDisposeScope();
        var before = Held(model, optimizer);
        Assert.Equal(based, model.update_bases(optimizer).Order());
        AssertReset(before, Held(model, optimizer), based);
        Train(model, optimizer);
    }

    [Theory]
    [MemberData(nameof(All))]
    public void After_moving_one_base_of_a_model(string name)
    {
        foreach (var moved in (string[])["ball.weight", "ring.weight", "turn.weight"])
        {
            var model = Model();
            using var optimizer = AnyOptimizer.Build(name, model.parameters());
            Train(model, optimizer);
            using var scope = NewDisposeScope();
            var before = Held(model, optimizer);
            model.update_base(moved, optimizer);
            AssertReset(before, Held(model, optimizer), [moved]);
        }
    }

    [Theory]
    [MemberData(nameof(All))]
    public void Without_the_optimizer_all_stays(string name)
    {
        var model = Model();
        using var optimizer = AnyOptimizer.Build(name, model.parameters());
        Train(model, optimizer);
        using var scope = NewDisposeScope();
        var before = Held(model, optimizer);
        Assert.Equal(3, model.update_bases().Count);
        AssertReset(before, Held(model, optimizer), []);
    }

    [Theory]
    [MemberData(nameof(All))]
    public void New_parameters_of_several_tensors_join_and_the_states_of_others_stay(string name)
    {
        Seeded.Everywhere(3); // A gradient may happen to be too small to be seen.
        var model = Model();
        using var optimizer = AnyOptimizer.Build(name, [.. model.parameters()]);
        Train(model, optimizer);
        string[] normed = ["ball.bias", "plain.weight", "ring.bias"];
        using var scope = NewDisposeScope();
        var before = Held(model, optimizer);
        foreach (var path in normed)
            model.register_parametrization(path, Parametrizations.WeightNorm());
        var added = optimizer.add_parametrized_parameters(model);
        Assert.Equal(3, added.Count);
        Assert.Empty(optimizer.add_parametrized_parameters(model));
        var after = Held(model, optimizer);
        foreach (var (key, state) in before.Where(pair => !normed.Contains(pair.Key)))
            AssertSame(state, after[key]);
        var starts = added.Select(parameter => parameter.detach().clone()).ToList();
        Train(model, optimizer);
        foreach (var (parameter, start) in added.Zip(starts))
            Near.Different(start, parameter.detach());
    }

    private static Sequential Model() =>
        nn.Sequential(
            ("ring", nn.Linear(4, 4).orthogonal()),
            ("ball", nn.Linear(4, 4).register_parametrization("weight", Parametrizations.SphereExp())),
            ("turn", nn.Linear(4, 4).register_parametrization("weight", Parametrizations.Cayley())),
            ("plain", nn.Linear(4, 4))
        );

    private static void Train(Sequential model, optim.Optimizer optimizer)
    {
        for (var step = 0; step < 4; step++)
        {
            using var _ = NewDisposeScope();
            optimizer.zero_grad();
            (model.call(eye(4)) - ones(4, 4)).pow(2).sum().backward();
            optimizer.step();
        }
    }

    /// <summary>What the optimizer has for each parameter, by the name of the tensor that is computed from it.</summary>
    private static Dictionary<string, (OptimizerState State, Dictionary<string, object?> Members, Tensor Now)> Held(
        nn.Module model,
        OptimizerHelper optimizer
    )
    {
        var states = optimizer.state_dict().State.Select(state => (State: state, Of: ParameterOf(state)));
        return model
            .named_parameters()
            .Select(named =>
                (named.name, found: states.FirstOrDefault(state => ReferenceEquals(state.Of, named.parameter)))
            )
            .Where(named => named.found.State is not null)
            .ToDictionary(
                named => named.name.Replace("parametrizations.", "").Replace(".original", ""),
                named => (named.found.State, MembersOf(named.found.State), (Tensor)named.found.Of.detach().clone())
            );
    }

    private static Parameter ParameterOf(OptimizerState state) =>
        (Parameter)typeof(OptimizerState).GetField("_parameter", Own)!.GetValue(state)!;

    private static Dictionary<string, object?> MembersOf(OptimizerState state) =>
        state
            .GetType()
            .GetFields(Own | BindingFlags.DeclaredOnly)
            .ToDictionary(
                field => field.Name.TrimStart('<').Split('>')[0],
                field => field.GetValue(state) is Tensor held ? held.detach().clone() : field.GetValue(state)
            );

    private static void AssertReset(
        Dictionary<string, (OptimizerState State, Dictionary<string, object?> Members, Tensor Now)> before,
        Dictionary<string, (OptimizerState State, Dictionary<string, object?> Members, Tensor Now)> after,
        string[] moved
    )
    {
        Assert.Equal(8, before.Count);
        Assert.Equal(before.Keys, after.Keys);
        foreach (var (key, old) in before)
        {
            Assert.Same(old.State, after[key].State);
            if (!moved.Contains(key))
            {
                AssertSame(old, after[key]);
                continue;
            }
            var directions = Directions[old.State.GetType()];
            foreach (var (name, value) in after[key].Members)
                if (directions.Contains(name))
                    Assert.True(value is null || ((Tensor)value).count_nonzero().item<long>() == 0, $"{key}: {name}");
                else if (name == "ax" && value is Tensor average)
                    Near.Identical(after[key].Now, average);
                else
                    AssertEqual(old.Members[name], value);
            // With nothing to forget the test would be none.
            if (directions.Length > 0 && old.Members[directions[0]] is Tensor direction)
                Assert.True(
                    direction.count_nonzero().item<long>() > 0 || directions.Length > 1,
                    $"{key}: nothing there"
                );
        }
    }

    private static void AssertSame(
        (OptimizerState State, Dictionary<string, object?> Members, Tensor Now) expected,
        (OptimizerState State, Dictionary<string, object?> Members, Tensor Now) actual
    )
    {
        Assert.Same(expected.State, actual.State);
        foreach (var (name, value) in expected.Members)
            AssertEqual(value, actual.Members[name]);
    }

    private static void AssertEqual(object? expected, object? actual)
    {
        if (expected is Tensor tensor)
            Near.Identical(tensor, (Tensor)actual!);
        else
            Assert.Equal(expected, actual);
    }
}

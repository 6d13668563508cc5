using Parametrize;
using Parametrize.CSharp;
using Properties.CSharp.Support;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp.State;

/// <summary>Loading changes numbers, not objects, and whoever looks sees the new ones.</summary>
public class LoadingInPlace
{
    [Fact]
    public void Optimizers_keep_training_the_same_parameters()
    {
        var model = Network.Parametrized();
        var parameters = model.parameters().ToList();
        var optimizer = optim.SGD(parameters, 0.1);
        model.load_parametrized_state_dict(Models.StateOf(Network.Parametrized()));
        model.load_parametrized_state_dict(
            Network.Parametrized().baked_state_dict(),
            whenNotAllowed: WhenNotAllowed.Project
        );
        Assert.All(parameters.Zip(model.parameters()), pair => Assert.Same(pair.First, pair.Second));

        var input = randn(2, 1, 6, 6, dtype: ScalarType.Float64);
        var before = model.call(input);
        before.sum().backward();
        optimizer.step();
        Near.Different(before, model.call(input));
    }

    /// <summary>A buffer whose entries share memory becomes one of its own, of its own element type.</summary>
    [Fact]
    public void Expanded_buffers_get_numbers_of_their_own()
    {
        var module = new Expanded();
        module.load_parametrized_state_dict(
            new Dictionary<string, Tensor> { ["buffer"] = tensor(new double[] { 1, 2, 3 }) }
        );
        Near.Identical(tensor(new float[] { 1, 2, 3 }), module.get_buffer("buffer")!);
    }

    private sealed class Expanded : nn.Module<Tensor, Tensor>
    {
        public Expanded()
            : base(nameof(Expanded)) => register_buffer("buffer", zeros(1).expand(3));

        public override Tensor forward(Tensor input) => input;
    }

    public static TheoryData<Parametrization?> Exchanged =>
        [null, Parametrizations.Identity, Parametrizations.Symmetric, Parametrizations.WeightNorm()];

    /// <summary>Whose tensors are written over while they are read.</summary>
    [Theory]
    [MemberData(nameof(Exchanged))]
    public void Layers_change_places_when_a_model_is_loaded_from_its_own_tensors(Parametrization? value)
    {
        var model = nn.Sequential(("a", nn.Linear(4, 4)), ("b", nn.Linear(4, 4)));
        foreach (var name in new[] { "a.weight", "b.weight" })
            if (value is not null)
                model.register_parametrization(name, value);
        var baked = model.baked_state_dict().ToDictionary(pair => pair.Key, pair => pair.Value.clone());
        model.load_parametrized_state_dict(
            model
                .state_dict()
                .ToDictionary(pair => $"{(pair.Key[0] == 'a' ? 'b' : 'a')}{pair.Key[1..]}", pair => pair.Value)
        );
        foreach (var (key, tensor) in model.baked_state_dict())
            Near.Same(baked[$"{(key[0] == 'a' ? 'b' : 'a')}{key[1..]}"], tensor);
    }

    /// <summary>One is assigned, and the other one copied.</summary>
    [Fact]
    public void A_plain_and_a_parametrized_layer_change_places()
    {
        var model = nn.Sequential(("a", nn.Linear(4, 4)), ("b", nn.Linear(4, 4)));
        model.register_parametrization("a.weight", Parametrizations.Identity);
        var (own, others) = (model.parametrization("a.weight").Original, model.get_parameter("b.weight")!);
        var (first, second) = (own.detach().clone(), others.detach().clone());
        var state = model.baked_state_dict();
        (state["a.weight"], state["b.weight"]) = (others, own);
        model.load_parametrized_state_dict(state);
        Near.Same(second, own);
        Near.Same(first, others);
    }

    [Fact]
    public void Cached_values_are_dropped()
    {
        var model = Models.Parametrized(Parametrizations.Orthogonal());
        var states = Enumerable
            .Range(0, 2)
            .Select(_ => Models.Parametrized(Parametrizations.Orthogonal()))
            .Select((other, index) => index == 0 ? Models.StateOf(other) : other.baked_state_dict())
            .ToList();
        var input = Models.Input();
        using (parametrize.cached(model))
            foreach (var state in states)
            {
                var before = model.call(input);
                model.load_parametrized_state_dict(state);
                var after = model.call(input);
                Near.Different(before, after);
                Near.Same(nn.functional.linear(input, Models.Weight(model), state["fc.bias"]), after);
            }
    }

    /// <summary>In a scope the field has the value, also for code that does not `call`.</summary>
    [Fact]
    public void Fields_that_are_read_in_a_scope_show_what_was_loaded()
    {
        var layer = nn.Linear(4, 4, dtype: ScalarType.Float64);
        var model = Models.Around(layer);
        model.register_parametrization("fc.weight", Parametrizations.Orthogonal());
        var other = Models.Parametrized(Parametrizations.Orthogonal());
        Dictionary<string, Tensor>[] states = [Models.StateOf(other), other.baked_state_dict(), Models.StateOf(model)];
        using var scope = parametrize.cached(model);
        foreach (var isRead in (bool[])[false, true])
        foreach (var state in states)
        {
            if (isRead)
                Assert.Equal([4, 4], layer.weight.shape);
            model.load_parametrized_state_dict(state);
            using var expected = model.parametrization("fc.weight").Value.detach();
            Near.Identical(expected, layer.weight.detach());
            var input = Models.Input();
            Near.Same(nn.functional.linear(input, expected, layer.bias), layer.forward(input));
        }
    }

    [Fact]
    public void A_module_without_fields_is_loaded_inside_a_cached_scope()
    {
        var value = Parametrizations.Orthogonal();
        var (from, to) = (new Fieldless(), new Fieldless());
        from.register_parametrization("weight", value);
        to.register_parametrization("weight", value);
        using (parametrize.cached(to))
        {
            to.load_parametrized_state_dict(Models.StateOf(from));
            Near.Identical(from.parametrization("weight").Value.detach(), to.parametrization("weight").Value.detach());
            Assert.Equal(["bias", "weight"], to.baked_state_dict().Keys.Order());
        }
    }

    /// <summary>Its entries share memory, so that libtorch copies nothing into it.</summary>
    [Fact]
    public void An_expanded_parameter_gets_memory_of_its_own()
    {
        var layer = nn.Linear(3, 4);
        layer.weight = nn.Parameter(ones(1, 3).expand(4, 3));
        var (parameter, other) = (layer.weight, nn.Linear(3, 4));
        layer.load_parametrized_state_dict(other.state_dict());
        Assert.Same(parameter, layer.weight);
        Near.Identical(other.weight.detach(), layer.weight.detach());
    }

    [Fact]
    public void A_model_that_has_moved_is_loaded_where_it_is()
    {
        var model = Models.Parametrized(Parametrizations.Orthogonal(), ScalarType.Float32);
        model.to(ScalarType.Float64);
        using (NewDisposeScope())
            model.load_parametrized_state_dict(Models.StateOf(Models.Parametrized(Parametrizations.Orthogonal())));
        Assert.Equal(ScalarType.Float64, model.call(Models.Input()).dtype);
    }

    [Fact]
    public void Nothing_but_the_model_lives_after_loading()
    {
        var model = Network.Parametrized();
        var plain = new Network();
        var state = Models.StateOf(Network.Parametrized());
        var baked = Network.Parametrized().baked_state_dict();
        var maps = new Dictionary<string, Parametrize.Parametrization>
        {
            ["fc1.weight"] = Parametrizations.Cayley(),
            ["fc2.weight"] = Parametrizations.WeightNorm(),
            ["fc3.weight"] = Parametrizations.Orthogonal(),
        };
        using var scope = NewDisposeScope();
        model.load_parametrized_state_dict(state);
        model.load_parametrized_state_dict(baked, whenNotAllowed: WhenNotAllowed.Project);
        plain.load_parametrized_state_dict(state, parametrizations: maps);
        Assert.Throws<StateDictException>(() => plain.load_parametrized_state_dict(state));
        Assert.Equal(0, scope.DisposablesCount);
    }
}

using Parametrize;
using Parametrize.CSharp;
using Properties.CSharp.Support;
using TorchSharp.Modules;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp.State;

/// <summary>PyTorch's states have a tensor of two modules under both names. TorchSharp's Sequential lists it once.</summary>
public class SharedTensorsHaveAllTheirNames
{
    private static readonly string[] Containers = ["Sequential", "ModuleList", "ModuleDict", "own", "one module twice"];

    private static readonly string[] Values = ["orthogonal", "weightNorm 0", "spectralNorm", "positive", "none"];

    public static TheoryData<string, string> Cases
    {
        get
        {
            var cases = new TheoryData<string, string>();
            foreach (var container in Containers)
            foreach (var value in Values)
                cases.Add(container, value);
            return cases;
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void In_a_state_for_PyTorch(string container, string value)
    {
        var (model, prefixes) = Shared(container, value);
        var state = model.pytorch_state_dict();
        Assert.Equal(Expected(prefixes, value), state.Keys.Order(StringComparer.Ordinal));
        foreach (var key in KeysOfOne(value))
            Near.Identical(state[prefixes[0] + key], state[prefixes[1] + key]);

        var (other, _) = Shared(container, value);
        Assert.Equal("<All keys matched successfully>", $"{other.load_parametrized_state_dict(state)}");
        Same(model, other);
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void In_a_plain_state(string container, string value)
    {
        var (model, prefixes) = Shared(container, value);
        var state = model.baked_state_dict();
        Assert.Equal(Expected(prefixes, "none"), state.Keys.Order(StringComparer.Ordinal));
        Near.Identical(state[$"{prefixes[0]}weight"], state[$"{prefixes[1]}weight"]);

        var (plain, _) = Shared(container, "none");
        Assert.Equal("<All keys matched successfully>", $"{plain.load_parametrized_state_dict(state)}");
        Same(model, plain);
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void In_a_file(string container, string value)
    {
        var (model, prefixes) = Shared(container, value);
        using var stream = new MemoryStream();
        Safetensors.Save(stream, model);
        stream.Position = 0;
        var state = Safetensors.Load(stream);
        Assert.Equal(Expected(prefixes, value), state.Keys.Order(StringComparer.Ordinal));

        var (other, _) = Shared(container, value);
        Assert.Equal("<All keys matched successfully>", $"{other.load_parametrized_state_dict(state)}");
        Same(model, other);
        var (plain, _) = Shared(container, "none");
        plain.load_parametrized_state_dict(state);
        Same(model, plain);
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void In_the_state_of_a_copy(string container, string value)
    {
        var (model, _) = Shared(container, value);
        var (to, _) = Shared(container, "none");
        parametrize.copy_parametrizations(model, to);
        to.load_parametrized_state_dict(model.state_dict());
        Same(model, to);
        Assert.Equal(
            model.pytorch_state_dict().Keys.Order(StringComparer.Ordinal),
            to.pytorch_state_dict().Keys.Order(StringComparer.Ordinal)
        );
    }

    private static IEnumerable<string> Expected(string[] prefixes, string value) =>
        prefixes.SelectMany(prefix => KeysOfOne(value).Select(key => prefix + key)).Order(StringComparer.Ordinal);

    private static string[] KeysOfOne(string value)
    {
        var layer = nn.Linear(3, 5);
        return
        [
            .. (value == "none" ? layer : layer.register_parametrization("weight", Parsed(value))).state_dict().Keys,
        ];
    }

    private static Parametrization Parsed(string value) => Parametrizations.Parse(value);

    /// <summary>A model of two layers with one weight and one bias.</summary>
    private static (nn.Module Model, string[] Prefixes) Shared(string container, string value)
    {
        var (first, second) = (nn.Linear(3, 5), nn.Linear(3, 5));
        if (container == "one module twice")
            second = first;
        else
            second.bias = first.bias;
        if (value == "none")
            second.weight = first.weight;
        else
        {
            first.register_parametrization("weight", Parsed(value));
            if (second != first)
                second.share_parametrization("weight", first.parametrization("weight"));
        }
        return container switch
        {
            "Sequential" or "one module twice" => (nn.Sequential(("a", first), ("b", second)), ["a.", "b."]),
            "ModuleList" => (new WithList(nn.ModuleList(first, second)), ["layers.0.", "layers.1."]),
            "ModuleDict" => (new WithDict(nn.ModuleDict(("a", first), ("b", second))), ["layers.a.", "layers.b."]),
            _ => (new Two(first, second), ["first.", "second."]),
        };
    }

    private static void Same(nn.Module model, nn.Module other)
    {
        var (expected, found) = (model.baked_state_dict(), other.baked_state_dict());
        Assert.Equal(expected.Keys.ToHashSet(), [.. found.Keys]);
        foreach (var (key, tensor) in expected)
            Near.Same(tensor, found[key], 1e-5);
    }

    private sealed class Two : nn.Module<Tensor, Tensor>
    {
        public readonly Linear first;
        public readonly Linear second;

        public Two(Linear first, Linear second)
            : base(nameof(Two))
        {
            (this.first, this.second) = (first, second);
            RegisterComponents();
        }

        public override Tensor forward(Tensor input) => first.call(input) + second.call(input);
    }

    private sealed class WithList : nn.Module<Tensor, Tensor>
    {
        public readonly ModuleList<Linear> layers;

        public WithList(ModuleList<Linear> layers)
            : base(nameof(WithList))
        {
            this.layers = layers;
            RegisterComponents();
        }

        public override Tensor forward(Tensor input) => layers[0].call(input) + layers[1].call(input);
    }

    private sealed class WithDict : nn.Module<Tensor, Tensor>
    {
        public readonly ModuleDict<Linear> layers;

        public WithDict(ModuleDict<Linear> layers)
            : base(nameof(WithDict))
        {
            this.layers = layers;
            RegisterComponents();
        }

        public override Tensor forward(Tensor input) => layers["a"].call(input) + layers["b"].call(input);
    }
}

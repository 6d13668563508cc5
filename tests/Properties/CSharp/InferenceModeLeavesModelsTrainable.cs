using Parametrize;
using Parametrize.CSharp;
using TorchSharp;
using TorchSharp.Modules;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp;

/// <summary>Tensors made in inference mode can never be trained. Those of a model are not, whatever is done to it there.</summary>
public class InferenceModeLeavesModelsTrainable
{
    private static T Inferring<T>(Func<T> work)
    {
        using var _ = inference_mode();
        return work();
    }

    /// <summary>Writes to each tensor, which libtorch refuses to those of inference mode.</summary>
    private static void AssertTrainable(nn.Module module)
    {
        using var _ = no_grad();
        foreach (var (_, tensor) in module.state_dict())
            tensor.mul_(1);
        Assert.All(module.parameters(), parameter => Assert.True(parameter.requires_grad));
    }

    public static TheoryData<Parametrization> Values =>
        [
            Parametrizations.Orthogonal(),
            Parametrizations.Skew,
            Parametrizations.WeightNorm(),
            Parametrizations.SpectralNorm(),
            Parametrizations.PrunedL1(0.5),
            Parametrizations.Identity,
        ];

    [Theory]
    [MemberData(nameof(Values))]
    public void Registering_changing_and_removing(Parametrization value)
    {
        foreach (var name in new[] { "weight", "weight+bias" })
        {
            var layer = name == "weight" ? nn.Linear(4, 4) : nn.Linear(3, 4);
            var x = ones(2, layer.weight.shape[1]);
            AssertTrainable(Inferring(() => layer.register_parametrization(name, value)));
            layer.call(x).sum().backward();

            var tensor = layer.parametrization(name);
            using var other = tensor.Value.detach() * -1;
            Inferring(() => tensor.TryAssign(value.Project(other)));
            Inferring(() => layer.update_bases());
            AssertTrainable(layer);
            var target = nn.Linear(x.shape[1], 4);
            AssertTrainable(Inferring(() => parametrize.transfer_parametrizations_and_params(layer, target)));

            AssertTrainable(Inferring(() => layer.remove_parametrizations(name)));
            layer.call(x).sum().backward();
        }
    }

    [Fact]
    public void Of_ones_own_shared_and_in_native_modules()
    {
        var own = Inferring(() => new ParametrizedTensor(Parametrizations.Orthogonal(), randn(4, 4)));
        AssertTrainable(own);
        var layer = nn.Linear(4, 4);
        AssertTrainable(Inferring(() => layer.share_parametrization("weight", own)));
        AssertTrainable(Inferring(() => layer.remove_parametrizations("weight")));

        var lstm = nn.LSTM(4, 4);
        foreach (var _ in new int[2])
        {
            Inferring(() => lstm.orthogonal("weight_hh_l0"));
            lstm.call(ones(2, 1, 4)).Item1.sum().backward();
            Inferring(() => lstm.remove_parametrizations("weight_hh_l0"));
            lstm.call(ones(2, 1, 4)).Item1.sum().backward();
        }
    }

    /// <summary>Libtorch writes into it in inference mode only.</summary>
    [Theory]
    [MemberData(nameof(Values))]
    public void What_was_made_there_is_refused_before_anything_changes(Parametrization value)
    {
        foreach (var name in new[] { "weight", "weight+bias" })
        {
            var layer = Inferring(() => name == "weight" ? nn.Linear(4, 4) : nn.Linear(3, 4));
            var refusal = Assert.Throws<NotSupportedException>(() => layer.register_parametrization(name, value));
            Assert.Matches("^Linear.weight.* was made in inference mode", refusal.Message);
            Assert.Throws<NotSupportedException>(() => Inferring(() => layer.register_parametrization(name, value)));
            Assert.False(layer.is_parametrized());
            Assert.Equal(["weight", "bias"], layer.state_dict().Keys);
        }
    }

    /// <summary>A pass of a model that changes a layer without gradients, and then trains it.</summary>
    private sealed class Changing(Action<Linear> change) : nn.Module<Tensor, Tensor>(nameof(Changing))
    {
        public readonly Linear layer = nn.Linear(4, 4);

        public Changing Registered()
        {
            RegisterComponents();
            return this;
        }

        public override Tensor forward(Tensor input)
        {
            using var before = layer.call(input);
            change(layer);
            return layer.call(input);
        }
    }

    private static readonly Dictionary<string, Action<Linear>> Changes = new()
    {
        ["mode"] = layer =>
        {
            layer.eval();
            layer.call(ones(1, 4)).Dispose();
            layer.train();
        },
        ["base"] = layer => layer.update_base("weight"),
        ["value"] = layer => layer.parametrization("weight").Value = eye(4),
        ["state"] = layer => layer.load_parametrized_state_dict(layer.baked_state_dict()),
        ["type"] = layer => layer.to(ScalarType.Float64).to(ScalarType.Float32),
        ["scope"] = layer =>
        {
            using var scope = parametrize.cached(layer);
            layer.call(ones(1, 4)).Dispose();
        },
    };

    public static TheoryData<string, bool, bool, bool> ChangesInPasses
    {
        get
        {
            var cases = new TheoryData<string, bool, bool, bool>();
            foreach (var change in Changes.Keys)
            foreach (var ofModel in (bool[])[true, false])
            foreach (var isInScope in (bool[])[true, false])
            foreach (var infers in (bool[])[true, false])
                cases.Add(change, ofModel, isInScope, infers);
            return cases;
        }
    }

    [Theory]
    [MemberData(nameof(ChangesInPasses))]
    public void The_rest_of_a_pass_that_changes_a_layer(string change, bool ofModel, bool isInScope, bool infers)
    {
        var model = new Changing(layer =>
        {
            using var _ = infers ? inference_mode() : (IDisposable)no_grad();
            Changes[change](layer);
        }).Registered();
        if (ofModel)
            model.register_parametrization("layer.weight", Parametrizations.Orthogonal());
        else
            model.layer.register_parametrization("weight", Parametrizations.Orthogonal());
        using var scope = isInScope ? parametrize.cached(model) : null;
        model.call(randn(3, 4)).square().sum().backward();
        Assert.NotNull(model.layer.parametrization("weight").Original.grad);
    }

    [Fact]
    public void Pruning_again()
    {
        var layer = nn.Linear(4, 4);
        Inferring(() => layer.l1_unstructured("weight", 0.5));
        AssertTrainable(Inferring(() => layer.ln_structured("weight", 1, 2, 0)));
        layer.call(ones(1, 4)).sum().backward();
    }

    [Theory]
    [MemberData(nameof(Values))]
    public void Moving(Parametrization value)
    {
        foreach (var name in new[] { "weight", "weight+bias" })
        {
            var layer = name == "weight" ? nn.Linear(4, 4) : nn.Linear(3, 4);
            var tensor = layer.register_parametrization(name, value).parametrization(name);
            Inferring(() => layer.to(ScalarType.Float64));
            AssertTrainable(tensor);
            layer.remove_parametrizations(name);
            using (no_grad())
                layer.weight.mul_(1);
        }
    }
}

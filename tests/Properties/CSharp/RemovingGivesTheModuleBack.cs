using Parametrize;
using Parametrize.CSharp;
using Properties.CSharp.Shared;
using Properties.CSharp.Support;
using TorchSharp;
using TorchSharp.Modules;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp;

/// <summary>After removal the module is plain again.</summary>
public class RemovingGivesTheModuleBack
{
    public static TheoryData<string> Kinds => new(Layer.Kinds);

    public static TheoryData<string> Names => ["skew", "orthogonal", "weight_norm", "sphere", "chain"];

    private static Parametrization Value(string name) =>
        name switch
        {
            "skew" => Parametrizations.Skew,
            "orthogonal" => Parametrizations.Orthogonal(),
            "weight_norm" => Parametrizations.WeightNorm(),
            "sphere" => Parametrizations.Sphere(),
            _ => Parametrizations.Skew.Then(Parametrizations.Cayley()),
        };

    /// <summary>`W = X^T`, in the memory of X.</summary>
    private sealed class Turned() : CustomNode("turned", "all tensors")
    {
        protected override Tensor Forward(Tensor x) => x.T;

        protected override Tensor RightInverse(Tensor value) => value.T;
    }

    [Fact]
    public void A_value_that_is_a_view_of_its_parameter()
    {
        var layer = nn.Linear(3, 3).register_parametrization("weight", Parametrizations.Of(new Turned()));
        using var expected = layer.parametrization("weight").Value;
        layer.parametrization("weight").Value = layer.parametrization("weight").Original.T;
        Near.Same(expected, layer.parametrization("weight").Value);
        layer.remove_parametrizations("weight");
        Near.Same(expected, layer.weight!);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void State_hooks_and_identities_are_as_before(string kind)
    {
        var layer = Layer.Of(kind);
        var tensors = layer.Module.state_dict();
        var (hooks, modules) = (Snapshot.HooksOf(layer.Module), layer.Module.modules().ToArray());

        layer.Module.register_parametrization(layer.Name, new Doubling().Value);
        layer.Output(layer.Input(ScalarType.Float32));
        layer.Module.remove_parametrizations(layer.Name);

        Assert.Equal(tensors.Keys, layer.Module.state_dict().Keys);
        Assert.All(tensors.Zip(layer.Module.state_dict()), pair => Assert.Same(pair.First.Value, pair.Second.Value));
        Assert.Equal(hooks, Snapshot.HooksOf(layer.Module));
        Assert.Equal<nn.Module>(modules, layer.Module.modules(), ReferenceEquals);
        Assert.False(layer.Module.is_parametrized(layer.Name));
    }

    /// <summary>TorchSharp's `save` and `bytes` read tensors only whose numbers are in order.</summary>
    [Theory]
    [InlineData("weight+bias", "orthogonal", 7)]
    [InlineData("weight+bias", "toeplitz", 7)]
    [InlineData("weight", "toeplitz", 6)]
    [InlineData("weight", "polar", 6)]
    [InlineData("weight", "transposed orthogonal", 6)]
    public void What_is_left_can_be_saved(string name, string code, int features)
    {
        var layer = nn.Linear(features, 4);
        layer.register_parametrization(name.Split('+'), Parametrizations.Parse(code));
        Assert.All(layer.baked_state_dict().Values, tensor => Assert.True(tensor.is_contiguous()));
        layer.remove_parametrizations(name);
        Assert.All(layer.parameters(), parameter => Assert.True(parameter.is_contiguous()));
        using var memory = new MemoryStream();
        using var writer = new BinaryWriter(memory);
        layer.save(writer);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void The_module_moves_and_computes_like_any_other(string kind)
    {
        var layer = Layer.Of(kind);
        layer.Module.eval();
        var input = layer.Input(ScalarType.Float32);
        var expected = layer.Output(input);
        layer.Module.register_parametrization(layer.Name, new Doubling().Value);
        layer.Module.remove_parametrizations(layer.Name);

        Near.Same(expected, layer.Output(input));
        layer.Module.to(ScalarType.Float64);
        Near.Same(
            expected.to(ScalarType.Float64),
            layer.Output(input.to(ScalarType.Float64)),
            Near.Tolerance(ScalarType.Float32)
        );
        // TorchSharp moves an automatic property, but not what is registered for it.
        if (kind != "AutoProperty")
            Assert.Equal(ScalarType.Float64, layer.Present.dtype);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Left_parametrized_the_value_stays(string name)
    {
        var layer = nn.Linear(4, 4);
        var own = layer.weight;
        layer.register_parametrization("weight", Value(name));
        using var value = layer.parametrization("weight").Value;

        layer.remove_parametrizations("weight", leave_parametrized: true);

        Assert.Same(own, layer.weight);
        Near.Same(value, layer.weight);
        Near.Same(layer.forward(eye(4)), layer.call(eye(4)));
        Assert.True(layer.weight.requires_grad && layer.weight.is_leaf);
    }

    [Theory]
    [InlineData("skew")]
    [InlineData("orthogonal")]
    [InlineData("sphere")]
    [InlineData("chain")]
    public void Left_unparametrized_the_original_stays(string name)
    {
        var layer = nn.Linear(4, 4);
        layer.register_parametrization("weight", Value(name));
        using var original = layer.state_dict()["parametrizations.weight.original"].clone();

        layer.remove_parametrizations("weight", leave_parametrized: false);

        Near.Identical(original, layer.weight);
        Assert.Equal(["weight", "bias"], layer.state_dict().Keys);
    }

    [Fact]
    public void Of_several_originals_none_is_the_weight()
    {
        var layer = nn.Linear(4, 4).weight_norm();
        var before = Snapshot.Of(layer);
        var exception = Assert.Throws<InvalidOperationException>(() =>
            layer.remove_parametrizations("weight", leave_parametrized: false)
        );
        Assert.Contains("leave_parametrized: true", exception.Message);
        before.AssertUnchanged();
    }

    [Fact]
    public void What_is_not_parametrized_is_named_beside_what_is()
    {
        var pair = new Pair().register_parametrization("first.weight", Parametrizations.Skew);
        var exception = Assert.Throws<ArgumentException>(() => pair.remove_parametrizations("scale"));
        Assert.Contains("Pair.scale is not parametrized", exception.Message);
        Assert.Contains("In Pair these are: first.weight.", exception.Message);
    }

    [Fact]
    public void A_buffer_is_a_buffer_again()
    {
        var norm = nn.BatchNorm1d(4).register_parametrization("running_var", Parametrizations.Positive);
        norm.remove_parametrizations("running_var", leave_parametrized: true);
        Assert.IsNotType<Parameter>(norm.running_var);
        Near.Same(ones(4), norm.running_var!);
        norm.call(randn(8, 4));
        Near.Different(ones(4), norm.running_var!);
    }

    [Fact]
    public void One_of_two_parametrizations_can_go()
    {
        var layer = nn.Linear(4, 4).orthogonal().register_parametrization("bias", Parametrizations.Positive);
        layer.remove_parametrizations("bias");
        Assert.Equal(
            ["bias", "parametrizations.weight.original", "parametrizations.weight.0.base"],
            layer.state_dict().Keys
        );
        Near.Orthogonal(layer.parametrization("weight").Value);
        Assert.True(layer.bias!.gt(0).all().item<bool>());
    }

    [Fact]
    public void A_chain_of_two_registrations_goes_at_once()
    {
        var layer = nn.Linear(4, 4)
            .register_parametrization("weight", Parametrizations.Skew)
            .register_parametrization("weight", Parametrizations.Cayley());
        layer.remove_parametrizations("weight");
        Near.Orthogonal(layer.weight);
        Assert.False(layer.is_parametrized());
    }

    [Fact]
    public void It_can_be_registered_anew_and_again()
    {
        var layer = nn.Linear(4, 4);
        var own = layer.weight;
        for (var round = 0; round < 3; round++)
        {
            foreach (var name in new[] { "skew", "orthogonal", "weight_norm", "sphere", "chain" })
            {
                layer.register_parametrization("weight", Value(name));
                layer.call(randn(2, 4)).sum().backward();
                layer.remove_parametrizations("weight");
            }
            layer.to(round % 2 == 0 ? ScalarType.Float64 : ScalarType.Float32);
            layer.to(ScalarType.Float32);
        }
        Assert.NotSame(own, layer.weight);
        Assert.Equal(0, Snapshot.HooksOf(layer));
        Assert.Equal(["weight", "bias"], layer.state_dict().Keys);
    }

    [Theory]
    [InlineData("Linear", false, true)]
    [InlineData("Linear", true, false)]
    [InlineData("Linear", false, false)]
    [InlineData("Linear", true, true)]
    [InlineData("LSTM", false, true)]
    [InlineData("LSTM", true, false)]
    [InlineData("LSTM", false, false)]
    [InlineData("Embedding", false, true)]
    [InlineData("Embedding", true, false)]
    [InlineData("Shared", true, false)]
    [InlineData("Shared", false, true)]
    [InlineData("Joint", true, false)]
    [InlineData("Joint", false, true)]
    [InlineData("Joint", false, false)]
    public void It_is_trained_if_anything_was_that_it_was_computed_from(string kind, bool magnitude, bool direction)
    {
        nn.Module module = kind switch
        {
            "LSTM" => nn.LSTM(3, 4),
            "Embedding" => nn.Embedding(3, 4),
            "Shared" => Tied.Plain(),
            _ => nn.Linear(3, 4),
        };
        var name = kind switch
        {
            "LSTM" => "weight_ih_l0",
            "Shared" => "encoder.weight",
            "Joint" => "weight+bias",
            _ => "weight",
        };
        module.register_parametrization(name, Parametrizations.WeightNorm());
        var tensor = module.parametrization(name);
        if (module is Tied tied)
            tied.decoder.share_parametrization("weight", tensor);
        var (first, second) = (tensor.get_parameter("original0")!, tensor.get_parameter("original1")!);
        (first.requires_grad, second.requires_grad) = (magnitude, direction);

        module.remove_parametrizations(name);
        foreach (var member in name.Split('+'))
            Assert.Equal(magnitude || direction, module.get_parameter(member)!.requires_grad);
        if (module is not Tied both)
            return;
        both.decoder.remove_parametrizations("weight");
        Assert.Equal(magnitude || direction, both.decoder.get_parameter("weight")!.requires_grad);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_buffer_is_saved_as_it_was_before(bool isPersistent)
    {
        var layer = new Fragile();
        layer.register_buffer("table", eye(4), isPersistent);
        layer.register_parametrization("table", Parametrizations.Symmetric);
        layer.remove_parametrizations("table");
        Assert.Equal(isPersistent, layer.state_dict().ContainsKey("table"));
    }
}

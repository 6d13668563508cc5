using Parametrize.CSharp;
using Properties.CSharp.Support;
using TorchSharp.Modules;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp;

/// <summary>Any module can be made to compute with a parametrized tensor.</summary>
public class RegistrationBindsModules
{
    public static TheoryData<string> Kinds => new(Layer.Kinds);

    [Theory]
    [MemberData(nameof(Kinds))]
    public void A_value_that_is_allowed_is_kept_and_so_is_the_output(string kind)
    {
        var layer = Layer.Of(kind);
        var input = layer.Input(ScalarType.Float32);
        var (value, before) = (layer.Present.clone(), layer.Output(input));

        layer.Module.register_parametrization(layer.Name, new Doubling().Value);

        Assert.True(layer.Module.is_parametrized(layer.Name));
        Near.Same(value, layer.Module.parametrization(layer.Name).Value);
        Near.Same(before, layer.Output(input));
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void The_forward_pass_computes_with_the_parametrized_value(string kind)
    {
        var layer = Layer.Of(kind);
        var input = layer.Input(ScalarType.Float32);
        layer.Module.register_parametrization(layer.Name, new Doubling().Value);
        using var other = layer.Module.parametrization(layer.Name).Value.detach() + 1.5;

        layer.Module.parametrization(layer.Name).Value = other;
        var parametrized = layer.Output(input);
        layer.Module.remove_parametrizations(layer.Name);

        Near.Same(other, layer.Present);
        Near.Same(layer.Output(input), parametrized);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void The_original_is_the_tensor_that_the_module_had(string kind)
    {
        var layer = Layer.Of(kind);
        var before = layer.Present;

        layer.Module.register_parametrization(layer.Name, new Doubling().Value);

        var key = layer.Name[..^layer.OwnName.Length] + $"parametrizations.{layer.OwnName}.original";
        Assert.Same(before, layer.Module.state_dict()[key]);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Gradients_reach_the_original(string kind)
    {
        var layer = Layer.Of(kind);
        if (layer.Present is not Parameter { requires_grad: true } original)
            return;
        layer.Module.register_parametrization(layer.Name, new Doubling().Value);

        layer.Output(layer.Input(ScalarType.Float32)).pow(3).sum().backward();

        Assert.NotNull(original.grad);
        Assert.True(original.grad!.isfinite().all().item<bool>());
    }

    [Fact]
    public void A_dotted_name_reaches_into_children()
    {
        var (pair, sequential) = (new Pair(), Layer.Of("Sequential").Module);
        pair.register_parametrization("first.weight", Parametrizations.Skew);
        sequential.register_parametrization("last.weight", Parametrizations.Symmetric);

        Assert.True(pair.first.is_parametrized("weight"));
        Assert.True(pair.is_parametrized("first.weight"));
        Assert.False(pair.is_parametrized("second.weight"));
        Assert.True(sequential.is_parametrized("last.weight"));
        Assert.Same(pair.first.parametrization("weight"), pair.parametrization("first.weight"));
    }

    [Fact]
    public void A_dotted_name_reaches_into_lists_and_dictionaries()
    {
        var list = nn.ModuleList<nn.Module<Tensor, Tensor>>(nn.Linear(3, 3), nn.Linear(3, 3));
        list.register_parametrization("1.weight", Parametrizations.Skew);
        Assert.True(((Linear)list[1]).is_parametrized("weight"));
        Assert.False(((Linear)list[0]).is_parametrized());
    }

    [Fact]
    public void A_lambda_points_at_the_tensor()
    {
        var layer = nn.Linear(4, 4).register_parametrization(l => l.weight, Parametrizations.Skew);
        Assert.Equal(Parametrizations.Skew, layer.parametrization("weight").Parametrization);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_lambda_points_into_a_child(bool registered)
    {
        var pair = new Pair(registered).register_parametrization(p => p.second.weight, Parametrizations.Skew);
        Assert.True(pair.second.is_parametrized("weight"));
        Assert.False(pair.first.is_parametrized());
    }

    [Fact]
    public void A_lambda_points_at_a_parametrized_tensor_again()
    {
        var layer = nn.Linear(4, 4).register_parametrization(l => l.weight, Parametrizations.Skew);
        layer.register_parametrization(l => l.weight, Parametrizations.Cayley());
        Assert.Equal("skew >>> cayley", layer.parametrization("weight").Parametrization.ToString());
    }

    [Fact]
    public void Components_need_not_be_registered_before()
    {
        var field = new ParameterField(registered: false);
        field.register_parametrization("weight", Parametrizations.Skew);
        var pair = new Pair(registered: false);
        pair.register_parametrization("first.weight", Parametrizations.Skew);

        Assert.Equal(["second", "parametrizations.weight.original"], field.state_dict().Keys);
        Assert.True(pair.first.is_parametrized("weight"));
        Near.Same(
            field.call(eye(4)),
            nn.functional.linear(eye(4), field.parametrization("weight").Value, field.second)
        );
    }

    [Fact]
    public void A_module_with_several_call_arguments_computes_with_its_own_parametrized_tensor()
    {
        var pair = new Pair();
        pair.register_parametrization("scale", Parametrizations.Positive);
        var (a, b) = (randn(3, 4), randn(3, 4));
        var expected = (pair.first.call(a) + pair.second.call(b)) * pair.parametrization("scale").Value;

        Near.Same(expected, pair.call(a, b, true));
        Assert.True(pair.parametrization("scale").Value.gt(0).all().item<bool>());
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Hooks_of_the_user_see_the_value(bool areBefore)
    {
        var layer = nn.Linear(3, 3);
        var seen = new List<Tensor>();
        if (areBefore)
            AddHooks();
        layer.register_parametrization("weight", Parametrizations.Symmetric);
        if (!areBefore)
            AddHooks();

        layer.call(ones(2, 3)).Dispose();
        Assert.Equal(2, seen.Count);
        Assert.All(seen, weight => Near.Identical(layer.parametrization("weight").Value, weight));

        void AddHooks()
        {
            layer.register_forward_pre_hook((_, x) => Seen(x));
            layer.register_forward_hook((_, _, y) => Seen(y));
        }

        Tensor Seen(Tensor passing)
        {
            seen.Add(layer.weight.clone());
            return passing;
        }
    }

    [Fact]
    public void A_field_that_cannot_hold_a_computed_tensor_is_named()
    {
        var module = new OddField();
        var before = Snapshot.Of(module);
        var exception = Assert.Throws<NotSupportedException>(() =>
            module.register_parametrization("weight", new Doubling().Value)
        );
        Assert.Contains("OddParameter", exception.Message);
        before.AssertUnchanged();
    }
}

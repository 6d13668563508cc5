using Parametrize.CSharp;
using Properties.CSharp.Support;
using TorchSharp;
using TorchSharp.Modules;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp;

/// <summary>Values, identities, positions and flags survive registering.</summary>
public class RegistrationKeepsWhatItCan
{
    [Fact]
    public void Project_goes_on_from_the_nearest_allowed_tensor()
    {
        var layer = nn.Linear(4, 4);
        using var nearest = Parametrizations.Orthogonal().Project(layer.weight);
        layer.register_parametrization("weight", Parametrizations.Orthogonal());
        Near.Same(nearest, layer.parametrization("weight").Value);
    }

    [Fact]
    public void Sample_goes_on_from_a_random_allowed_tensor()
    {
        var layer = nn.Linear(4, 4);
        using var nearest = Parametrizations.Orthogonal().Project(layer.weight);
        layer.register_parametrization("weight", Parametrizations.Orthogonal(), WhenNotAllowed.Sample);
        Near.Different(nearest, layer.parametrization("weight").Value);
        Near.Orthogonal(layer.parametrization("weight").Value);
    }

    [Theory]
    [InlineData(WhenNotAllowed.Project)]
    [InlineData(WhenNotAllowed.Sample)]
    [InlineData(WhenNotAllowed.Refuse)]
    public void An_allowed_tensor_is_kept_by_every_policy(WhenNotAllowed policy)
    {
        var q = Parametrizations.Orthogonal().Sample([4, 4], ScalarType.Float64);
        var layer = nn.Linear(q.clone().AsParameter());
        layer.register_parametrization("weight", Parametrizations.Orthogonal(), policy);
        Near.Same(q, layer.parametrization("weight").Value);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Pretrained_embeddings_stay_frozen_or_trained(bool freeze)
    {
        var embedding = nn.Embedding_from_pretrained(randn(6, 4), freeze);
        embedding.register_parametrization("weight", Parametrizations.Orthogonal());
        Assert.Equal(!freeze, embedding.parametrization("weight").Original.requires_grad);
        embedding.remove_parametrizations("weight");
        Assert.Equal(!freeze, embedding.weight!.requires_grad);
    }

    [Theory]
    [InlineData("orthogonal")]
    [InlineData("weightNorm")]
    [InlineData("identity")]
    public void A_parameter_whose_entries_share_memory_gets_its_own(string kind)
    {
        var value = kind switch
        {
            "orthogonal" => Parametrizations.Orthogonal(),
            "weightNorm" => Parametrizations.WeightNorm(),
            _ => Parametrizations.Identity,
        };
        using var row = randn(1, 4);
        var layer = nn.Linear(4, 4);
        layer.weight = new Parameter(row.expand(4, 4));
        layer.register_parametrization("weight", value);
        using var other = value.Project(randn(4, 4));
        layer.parametrization("weight").Value = other;
        Near.Same(other, layer.parametrization("weight").Value);
        layer.remove_parametrizations("weight");
        Near.Same(other, layer.weight);
    }

    [Fact]
    public void Refuse_throws_and_leaves_everything()
    {
        var layer = nn.Linear(4, 4);
        var before = Snapshot.Of(layer);
        var exception = Assert.Throws<ParametrizationException>(() =>
            layer.register_parametrization("weight", Parametrizations.Skew, WhenNotAllowed.Refuse)
        );
        Assert.True(exception.Error.IsNotAllowed);
        Assert.Contains("Linear.weight", exception.Message);
        before.AssertUnchanged();
    }

    [Fact]
    public void Reinterpret_takes_the_tensor_as_the_parameter()
    {
        var layer = nn.Linear(4, 4);
        var weight = layer.weight.clone().detach();
        layer.register_parametrization("weight", Parametrizations.Skew, WhenNotAllowed.Reinterpret);
        Near.Identical(weight, layer.state_dict()["parametrizations.weight.original"]);
        Near.Same(weight.triu(1) - weight.triu(1).mT, layer.parametrization("weight").Value);
    }

    [Fact]
    public void Reinterpret_projects_where_buffers_are_carried()
    {
        var layer = nn.Linear(4, 4);
        using var nearest = Parametrizations.Orthogonal().Project(layer.weight);
        layer.register_parametrization("weight", Parametrizations.Orthogonal(), WhenNotAllowed.Reinterpret);
        Near.Same(nearest, layer.parametrization("weight").Value);
    }

    [Fact]
    public void Two_tensors_of_one_module_do_not_know_each_other()
    {
        var layer = nn.Linear(4, 4);
        layer.register_parametrization("weight", Parametrizations.Orthogonal());
        layer.register_parametrization("bias", Parametrizations.Positive);
        var x = randn(3, 4);
        using var weight = layer.parametrization("weight").Value;
        using var bias = layer.parametrization("bias").Value;
        Near.Same(nn.functional.linear(x, weight, bias), layer.call(x));

        layer.remove_parametrizations("weight");
        Assert.True(layer.is_parametrized("bias") && layer.is_parametrized() && !layer.is_parametrized("weight"));
        Near.Same(nn.functional.linear(x, weight, bias), layer.call(x));
    }

    [Theory]
    [InlineData("weight", "bias")]
    [InlineData("bias", "weight")]
    public void Positions_in_the_state_come_back_in_any_order_of_removal(string first, string second)
    {
        var layer = nn.Linear(4, 4);
        layer.register_parametrization("weight", Parametrizations.Orthogonal());
        layer.register_parametrization("bias", Parametrizations.Positive);
        layer.remove_parametrizations(first).remove_parametrizations(second);
        Assert.Equal(["weight", "bias"], layer.named_parameters().Select(p => p.name));
    }

    [Fact]
    public void A_frozen_parameter_stays_frozen()
    {
        var layer = nn.Linear(4, 4);
        layer.weight.requires_grad_(false);
        layer.register_parametrization("weight", Parametrizations.WeightNorm());
        Assert.All(layer.parametrization("weight").parameters(), p => Assert.False(p.requires_grad));
        Assert.False(layer.parametrization("weight").Value.requires_grad);
        layer.remove_parametrizations("weight");
        Assert.False(layer.weight.requires_grad);
        Assert.True(layer.bias!.requires_grad);
    }

    [Fact]
    public void The_mode_of_the_module_is_the_mode_of_its_parametrized_tensor()
    {
        var layer = nn.Linear(4, 4);
        layer.eval();
        layer.spectral_norm();
        Assert.All(layer.modules(), child => Assert.False(child.training));
    }
}

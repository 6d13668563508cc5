using Parametrize.CSharp;
using Properties.CSharp.Support;
using TorchSharp.Modules;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp.Joint;

/// <summary>A joint tensor is registered on many modules, extended, pruned, trained and shared as any other.</summary>
public class JointTensorsAmongOthers
{
    [Fact]
    public void It_is_registered_on_many_modules_by_its_name()
    {
        var model = new Pair();
        Assert.Equal(
            ["first.weight+bias", "second.weight+bias"],
            model.register_parametrizations<Linear>("weight+bias", Parametrizations.Orthogonal())
        );
        var (a, b) = (randn(3, 4), randn(3, 4));
        using var value = model.parametrization("first.weight+bias").Value;
        Near.Orthogonal(value.T);
        Near.Same(nn.functional.linear(a, value[.., ..4], value[.., 4]), model.first.call(a));
        model.call(a, b, true).sum().backward();
        Assert.All(model.parameters(), parameter => Assert.NotNull(parameter.grad));
    }

    [Fact]
    public void A_further_value_goes_behind_the_whole_of_it()
    {
        var layer = nn.Linear(3, 4).register_parametrization(["weight", "bias"], Parametrizations.Skew);
        layer.register_parametrization("weight+bias", Parametrizations.Cayley());
        Assert.Equal("skew >>> cayley", layer.parametrization("bias").Parametrization.ToString());
        Near.Orthogonal(layer.parametrization("bias").Value);
    }

    [Fact]
    public void It_is_pruned_as_a_whole()
    {
        var layer = prune.l1_unstructured(nn.Linear(3, 4), "weight+bias", 6);
        using var value = layer.parametrization("weight+bias").Value;
        Assert.Equal(6, value.eq(0).sum().item<long>());
        prune.remove(layer, "weight+bias");
        Assert.Equal(6, (layer.weight.eq(0).sum() + layer.bias!.eq(0).sum()).item<long>());
    }

    [Fact]
    public void It_is_pruned_together_with_others()
    {
        var (first, second) = (nn.Linear(3, 4), nn.Linear(4, 2));
        prune.global_unstructured([(first, "weight+bias"), (second, "weight")], 0.5);
        var zeros = new[] { first.parametrization("bias"), second.parametrization("weight") }.Sum(tensor =>
            tensor.Value.eq(0).sum().item<long>()
        );
        Assert.Equal(12, zeros);
        Assert.Throws<InvalidOperationException>(() =>
            prune.global_unstructured([(first, "bias"), (second, "weight")], 0.5)
        );
    }

    [Fact]
    public void An_optimizer_trains_it_as_by_hand()
    {
        var layer = nn.Linear(3, 4, dtype: float64);
        layer.register_parametrization("weight+bias", Parametrizations.Orthogonal());
        var tensor = new ParametrizedTensor(
            Parametrizations.Orthogonal(),
            layer.parametrization("weight").Value.detach()
        );
        var (x, y) = (randn(16, 3, dtype: float64), randn(16, 4, dtype: float64));
        Train(layer.parameters(), layer.call);
        Train(
            tensor.parameters(),
            input =>
            {
                using var w = tensor.Value;
                return nn.functional.linear(input, w[.., ..3], w[.., 3]);
            }
        );
        Near.Same(tensor.Value, layer.parametrization("weight+bias").Value);

        void Train(IEnumerable<Parameter> parameters, Func<Tensor, Tensor> model)
        {
            using var optimizer = optim.Adam(parameters, 0.05);
            for (var step = 0; step < 10; step++)
            {
                optimizer.zero_grad();
                nn.functional.mse_loss(model(x), y).backward();
                optimizer.step();
            }
        }
    }

    [Fact]
    public void Several_modules_share_it()
    {
        var node = new Doubling();
        var (first, second) = (nn.Linear(3, 4), nn.Linear(3, 4));
        first.register_parametrization("weight+bias", node.Value);
        second.share_parametrization("weight+bias", first.parametrization("weight+bias"));
        using var x = randn(5, 3);
        Near.Same(first.call(x), second.call(x));
        node.Evaluations = 0;
        using (parametrize.cached())
            Near.Same(first.call(x), second.call(x));
        Assert.Equal(1, node.Evaluations);
        var own = second.remove_parametrizations("weight+bias");
        Near.Same(first.call(x), own.call(x));
        Assert.True(first.is_parametrized("bias"));
    }
}

using Parametrize.CSharp;
using Properties.CSharp.Support;
using TorchSharp;
using TorchSharp.Modules;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp.Joint;

/// <summary>The module gets its own tensors back: the same objects, at their old places.</summary>
public class RemovingJointTensors
{
    public static TheoryData<string> Kinds => new(Joined.Kinds);

    [Theory]
    [MemberData(nameof(Kinds))]
    public void The_parameter_objects_come_back_with_the_parts(string kind)
    {
        var joined = Joined.Of(kind);
        var (keys, before) = (joined.Module.state_dict().Keys.ToList(), joined.Present.ToList());
        var modules = joined.Module.named_modules().Select(named => named.name).ToList();
        joined.Register(Parametrizations.SpectralNorm());
        joined.Module.eval();
        using var value = joined.Tensor.Value.detach();
        using var output = joined.Output(float32).detach();

        joined.Module.remove_parametrizations(joined.Names[^1]);

        Assert.Equal(keys, joined.Module.state_dict().Keys);
        Assert.Equal(modules, joined.Module.named_modules().Select(named => named.name));
        if (joined.Module is not RNNCell) // TorchSharp makes a new managed object at each look
            Assert.All(before.Zip(joined.Present), pair => Assert.Same(pair.First, pair.Second));
        Near.Same(value, joined.Join(joined.Present));
        Near.Same(output, joined.Output(float32));
        Assert.All(joined.Present, member => Assert.Equal(kind != "Buffers", member.requires_grad));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void An_optimizer_built_before_trains_them_again(bool registersAgain)
    {
        var layer = nn.Linear(3, 4);
        // A list: TorchSharp's optimizers ask an enumeration anew at each step.
        using var optimizer = optim.Adam(layer.parameters().ToList(), 0.1);
        for (var time = 0; time <= (registersAgain ? 1 : 0); time++)
        {
            layer.register_parametrization("weight+bias", Parametrizations.Orthogonal());
            optimizer.zero_grad();
            layer.call(randn(5, 3)).pow(2).sum().backward();
            optimizer.step();
            layer.remove_parametrizations("weight+bias");
        }
        using var weight = layer.weight.detach().clone();
        using var bias = layer.bias!.detach().clone();
        optimizer.zero_grad();
        layer.call(randn(5, 3)).pow(2).sum().backward();
        optimizer.step();
        Near.Different(weight, layer.weight);
        Near.Different(bias, layer.bias!);
    }

    [Fact]
    public void Left_unparametrized_they_are_parts_of_the_original()
    {
        var layer = nn.Linear(3, 4).register_parametrization(["weight", "bias"], Parametrizations.Skew);
        using var original = layer.parametrization("weight").parameters().Single().detach().clone();
        layer.remove_parametrizations("weight+bias", leave_parametrized: false);
        Near.Identical(original[.., ..3], layer.weight);
        Near.Identical(original[.., 3], layer.bias!);
    }

    [Fact]
    public void Several_originals_cannot_be_parts()
    {
        var layer = nn.Linear(3, 4).register_parametrization(["weight", "bias"], Parametrizations.WeightNorm());
        var before = Snapshot.Of(layer);
        Assert.Throws<InvalidOperationException>(() => layer.remove_parametrizations("weight", false));
        before.AssertUnchanged();
    }

    [Fact]
    public void After_moving_they_are_of_the_new_element_type()
    {
        var layer = nn.Linear(3, 4).register_parametrization(["weight", "bias"], Parametrizations.Orthogonal());
        layer.to(float64);
        using var value = layer.parametrization("bias").Value.detach();
        layer.remove_parametrizations("weight+bias");
        Near.Same(value, cat([layer.weight, layer.bias!.unsqueeze(1)], 1));
        Assert.All(
            layer.parameters(),
            parameter => Assert.True(parameter.dtype == float64 && parameter.is_leaf && parameter.requires_grad)
        );
    }

    [Fact]
    public void In_a_scope_too()
    {
        var layer = nn.Linear(3, 4).register_parametrization(["weight", "bias"], Parametrizations.Orthogonal());
        using var x = randn(5, 3);
        using var expected = layer.call(x).detach();
        using (parametrize.cached())
        {
            layer.call(x).Dispose();
            layer.remove_parametrizations("bias");
            Near.Same(expected, layer.call(x));
        }
        Near.Same(expected, layer.call(x));
    }

    [Fact]
    public void Registering_and_removing_leaves_one_empty_object_to_the_garbage_collector()
    {
        var layer = nn.Linear(3, 4);
        Cycle();
        var before = DisposeScopeManager.Statistics.TensorStatistics.ThreadTotalLiveCount;
        for (var time = 0; time < 50; time++)
            Cycle();
        Assert.InRange(DisposeScopeManager.Statistics.TensorStatistics.ThreadTotalLiveCount, 0, before + 50);

        void Cycle()
        {
            using var _ = NewDisposeScope();
            layer.register_parametrization("weight+bias", Parametrizations.Orthogonal());
            layer.call(ones(2, 3)).sum().backward();
            layer.remove_parametrizations("weight+bias");
        }
    }
}

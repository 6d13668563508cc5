using Parametrize.CSharp;
using Properties.CSharp.PyTorch;
using Properties.CSharp.Support;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp.Faults;

/// <summary>After an exception in anybody's code the next call works.</summary>
public class FailuresLeaveTheModelUsable
{
    [Fact]
    public void In_a_forward_pass()
    {
        var module = new Fragile().register_parametrization("weight", Parametrizations.Orthogonal());
        var x = randn(3, 4);
        var expected = module.call(x);
        var before = Snapshot.Of(module);
        module.Fails = true;
        for (var time = 0; time < 3; time++)
            Assert.Throws<ApplicationException>(() => module.call(x));
        module.Fails = false;

        before.AssertUnchanged();
        Near.Identical(expected, module.call(x));
        Assert.True(module.weight.IsInvalid);
    }

    [Fact]
    public void In_a_forward_pass_after_which_the_value_has_changed()
    {
        var module = new Fragile { Fails = true };
        module.register_parametrization("weight", Parametrizations.Orthogonal());
        Assert.Throws<ApplicationException>(() => module.call(randn(3, 4)));
        module.Fails = false;
        using var q = Parametrizations.Orthogonal().Sample([4, 4]);
        module.parametrization("weight").Value = q;
        Near.Same(q, module.call(eye(4)));
    }

    [Fact]
    public void In_a_forward_pass_after_which_the_parametrization_is_removed()
    {
        var module = new Fragile { Fails = true };
        module.register_parametrization("weight", Parametrizations.Orthogonal());
        using var value = module.parametrization("weight").Value;
        Assert.Throws<ApplicationException>(() => module.call(randn(3, 4)));
        module.remove_parametrizations("weight");
        module.Fails = false;
        Near.Same(value, module.call(eye(4)));
    }

    [Fact]
    public void In_a_forward_pass_inside_a_scope()
    {
        var module = new Fragile().register_parametrization("weight", Parametrizations.Orthogonal());
        using var expected = module.call(eye(4));
        using (parametrize.cached())
        {
            module.Fails = true;
            Assert.Throws<ApplicationException>(() => module.call(eye(4)));
            module.Fails = false;
            Near.Same(expected, module.call(eye(4)));
        }
        Assert.True(module.weight.IsInvalid);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void In_a_hook(bool before)
    {
        var layer = nn.Linear(4, 4).orthogonal();
        using var expected = layer.call(eye(4));
        Action<nn.Module> fails = _ => throw new ApplicationException();
        if (before)
        {
            var hook = layer.register_forward_pre_hook(fails);
            Assert.Throws<ApplicationException>(() => layer.call(eye(4)));
            hook.remove();
        }
        else
        {
            var hook = layer.register_forward_hook(fails);
            Assert.Throws<ApplicationException>(() => layer.call(eye(4)));
            hook.remove();
        }
        Near.Same(expected, layer.call(eye(4)));
        Near.Placeholder(layer.weight);
    }

    [Theory]
    [InlineData("Forward")]
    [InlineData("RightInverse")]
    [InlineData("Distance")]
    public void In_a_node_while_registering(string member)
    {
        var layer = nn.Linear(4, 4);
        var before = Snapshot.Of(layer);
        var node = new Doubling { FailIn = member };
        Assert.Throws<ApplicationException>(() => layer.register_parametrization("weight", node.Value));
        before.AssertUnchanged();
        Assert.False(layer.is_parametrized());
    }

    [Theory]
    [InlineData("Forward")]
    [InlineData("RightInverse")]
    [InlineData("Distance")]
    public void In_a_node_while_assigning(string member)
    {
        var node = new Doubling();
        var layer = nn.Linear(4, 4).register_parametrization("weight", node.Value);
        var before = Snapshot.Of(layer);
        node.FailIn = member;
        Assert.Throws<ApplicationException>(() => layer.parametrization("weight").Value = eye(4));
        before.AssertUnchanged();
        node.FailIn = null;
        layer.parametrization("weight").Value = eye(4);
        Near.Same(eye(4) + layer.bias!, layer.call(eye(4)));
    }

    [Theory]
    [InlineData("RightInverse")]
    [InlineData("Distance")]
    public void In_a_node_while_registering_again(string member)
    {
        var layer = nn.Linear(4, 4).register_parametrization("weight", Parametrizations.Skew);
        var before = Snapshot.Of(layer);
        var node = new Doubling { FailIn = member };
        Assert.Throws<ApplicationException>(() => layer.register_parametrization("weight", node.Value));
        before.AssertUnchanged();
        Assert.Equal(Parametrizations.Skew, layer.parametrization("weight").Parametrization);
    }

    /// <summary>W = X, whose inverse is of another element type as soon as it is told so.</summary>
    [Theory]
    [InlineData("register", true)]
    [InlineData("register", false)]
    [InlineData("assign", true)]
    [InlineData("assign", false)]
    [InlineData("load", true)]
    [InlineData("load", false)]
    public void In_a_node_whose_inverse_changes_the_element_type(string operation, bool isBehind)
    {
        var isWrong = false;
        var node = new Scripted("unsteady") { Inverse = x => [isWrong ? x.to(ScalarType.Float64) : x] };
        var layer = nn.Linear(4, 4);
        if (isBehind)
            layer.register_parametrization("weight", Parametrizations.Symmetric);
        if (operation is not "register")
            layer.register_parametrization("weight", node.Value);
        var before = Snapshot.Of(layer);

        isWrong = true;
        var error = Assert.Throws<InvalidOperationException>(Operate);
        Assert.Contains("unsteady breaks its contract", error.Message);
        Assert.Contains("Expected: an input of Float32; found: ", error.Message);
        before.AssertUnchanged();

        isWrong = false;
        Operate();
        layer.call(ones(1, 4)).sum().backward();

        void Operate()
        {
            if (operation is "register")
                layer.register_parametrization("weight", node.Value);
            else if (operation is "assign")
                layer.parametrization("weight").Value = eye(4);
            else
                layer.load_parametrized_state_dict(
                    new Dictionary<string, Tensor> { ["weight"] = eye(4) },
                    strict: false
                );
        }
    }

    [Fact]
    public void A_node_of_ones_own_needs_a_map_and_an_inverse_only()
    {
        var value = Parametrizations.Of(new ZeroSum());
        var layer = nn.Linear(4, 4).register_parametrization("weight", value);
        using var w = layer.parametrization("weight").Value;
        Near.Same(zeros([]), w.sum());
        var error = layer.parametrization("weight").TryAssign(ones(4, 4))!;
        Assert.Contains("tensors of sum zero", error.Message);
        Assert.Equal(value, Parametrizations.Of(new ZeroSum()));
        Assert.Equal("zeroSum", value.ToString());
    }
}

using Parametrize;
using Parametrize.CSharp;
using Properties.CSharp.Support;
using TorchSharp.Modules;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp.Models;

/// <summary>One value on many modules: all of them or none.</summary>
public class RegisteringOnManyModulesIsAllOrNothing
{
    /// <summary>Good layers with a gradient and an optimizer's state, one of them parametrized, and a bad one behind.</summary>
    private static Net WithGradients()
    {
        var net = new Net();
        net.blocks[0].register_parametrization("weight", Parametrizations.Skew);
        net.call(randn(3, 4)).sum().backward();
        return net;
    }

    private static void AssertNothingChanges<TError>(Net net, Action register)
        where TError : Exception
    {
        var before = Snapshot.Of(net);
        var gradient = net.first.weight.grad!.clone();
        var value = net.parametrization("blocks.0.weight").Value;
        var listed = net.parametrizations();

        Assert.Throws<TError>(register);

        before.AssertUnchanged();
        Near.Identical(gradient, net.first.weight.grad!);
        Assert.Equal(listed, net.parametrizations());
        Assert.Equal(Parametrizations.Skew, net.parametrization("blocks.0.weight").Parametrization);
        Near.Identical(value, net.parametrization("blocks.0.weight").Value);
        net.call(randn(3, 4)).sum().backward();
    }

    [Theory]
    [InlineData(WhenNotAllowed.Project)]
    [InlineData(WhenNotAllowed.Sample)]
    public void When_one_refuses_none_is_changed(WhenNotAllowed policy)
    {
        var net = WithGradients();
        using (no_grad())
            net.blocks[1].weight[0, 0] = double.NaN;
        var error = Assert.Throws<ParametrizationException>(() =>
            net.register_parametrizations<Linear>("weight", Parametrizations.Cayley(), policy)
        );
        Assert.StartsWith("blocks.1.weight: ", error.Message);
        AssertNothingChanges<ParametrizationException>(
            net,
            () => net.register_parametrizations<Linear>("weight", Parametrizations.Cayley(), policy)
        );
    }

    [Fact]
    public void A_refusal_says_what_to_do_as_that_of_one_layer_does()
    {
        var net = WithGradients();
        var error = Assert.Throws<ParametrizationException>(() =>
            net.register_parametrizations<Linear>("weight", Parametrizations.Symmetric)
        );
        Assert.StartsWith("blocks.0.weight: ", error.Message);
        Assert.EndsWith("To replace what is registered, remove it first.", error.Message);
    }

    [Fact]
    public void A_module_without_that_tensor_refuses()
    {
        var net = WithGradients();
        AssertNothingChanges<ArgumentException>(
            net,
            () =>
                net.register_parametrizations(
                    (name, _) => name is "first" or "blocks.0" or "blocks",
                    "weight",
                    Parametrizations.Cayley()
                )
        );
    }

    [Fact]
    public void A_value_that_does_not_fit_behind_a_present_one_refuses()
    {
        var net = WithGradients();
        AssertNothingChanges<ParametrizationException>(
            net,
            () => net.register_parametrizations<Linear>("weight", Parametrizations.WeightNorm())
        );
    }

    [Theory]
    [InlineData("Distance", 1)]
    [InlineData("Distance", 2)]
    [InlineData("Distance", 3)]
    [InlineData("RightInverse", 1)]
    [InlineData("RightInverse", 3)]
    public void A_user_s_node_that_throws_at_the_nth_leaves_all(string member, int nth)
    {
        var net = WithGradients();
        var value = Parametrizations.Of(new FailingAt(member, nth));
        AssertNothingChanges<ApplicationException>(net, () => net.register_parametrizations<Linear>("weight", value));
    }

    [Fact]
    public void Parameters_of_other_shapes_are_taken_back_too()
    {
        var (good, bad) = (nn.Linear(4, 4), nn.Linear(4, 4));
        var model = nn.Sequential(good, bad);
        using (no_grad())
            bad.weight[0, 0] = double.NaN;
        var before = Snapshot.Of(model);
        Assert.Throws<ParametrizationException>(() =>
            model.register_parametrizations<Linear>("weight", Parametrizations.Of(new Flat()))
        );
        before.AssertUnchanged();
        good.call(randn(2, 4));
    }

    [Fact]
    public void Prunings_that_have_become_one_come_apart_again()
    {
        var model = nn.Sequential(nn.Linear(4, 4).l1_unstructured("weight", 3), nn.Linear(4, 4));
        using (no_grad())
            ((Linear)model[1]).weight[0, 0] = double.NaN;
        var before = Snapshot.Of(model);
        var value = model.parametrization("0.weight").Parametrization;
        Assert.Throws<ParametrizationException>(() =>
            model.register_parametrizations<Linear>("weight", Parametrizations.PrunedL1(0.5))
        );
        before.AssertUnchanged();
        Assert.Equal(value, model.parametrization("0.weight").Parametrization);
    }

    /// <summary>W = 2X, which fails at the n-th use of one of its functions.</summary>
    private sealed class FailingAt(string member, int nth) : CustomNode("failingAt", "doubled tensors")
    {
        private int _uses;

        protected override Tensor Forward(Tensor input) => input * 2;

        protected override Tensor RightInverse(Tensor value)
        {
            Use(nameof(RightInverse));
            return value / 2;
        }

        protected override double Distance(Tensor value)
        {
            Use(nameof(Distance));
            return 0;
        }

        private void Use(string name)
        {
            if (name == member && ++_uses == nth)
                throw new ApplicationException($"{name} fails.");
        }
    }

    /// <summary>A matrix from a parameter of another shape.</summary>
    private sealed class Flat() : CustomNodeOfSeveral("flat", "any tensor", 1)
    {
        protected override IReadOnlyList<long[]> InputShapes(long[] shape) =>
            [
                [16],
            ];

        protected override Tensor Forward(Tensor[] inputs) => inputs[0].reshape(4, 4);

        protected override Tensor[] RightInverse(Tensor value) => [value.reshape(16)];
    }
}

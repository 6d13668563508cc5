using Parametrize.CSharp;
using Properties.CSharp.Support;
using TorchSharp.Modules;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp.PyTorch;

/// <summary>Parametrizations that go to another module, and models that are copied.</summary>
public class TestTransfer
{
    private sealed class Other : nn.Module<Tensor, Tensor>
    {
        public readonly Parameter weight = nn.Parameter(randn(5, 5));
        private readonly Parameter bias = nn.Parameter(randn(5));

        public Other()
            : base(nameof(Other)) => RegisterComponents();

        public override Tensor forward(Tensor input) => input.matmul(weight) + bias;
    }

    private static Linear Layer(params string[] names)
    {
        var layer = nn.Linear(5, 5);
        foreach (var name in names)
            layer
                .register_parametrization(name, ScriptedNodes.AddOne)
                .register_parametrization(name, ScriptedNodes.Double);
        return layer;
    }

    private static void AssertTransferred(nn.Module from, nn.Module to, string part = "original")
    {
        Near.Identical(from.Read(), to.Read());
        Near.Identical(from.Original(part: part), to.Original(part: part));
        Assert.NotSame(from.Original(part: part), to.Original(part: part));
        Assert.Equal(from.parametrization("weight").Parametrization, to.parametrization("weight").Parametrization);
    }

    [Fact]
    public void test_transfer_parametrizations_and_params()
    {
        var (from, to) = (Layer("weight"), new Other());
        using var before = from.Read();
        parametrize.transfer_parametrizations_and_params(from, to);
        AssertTransferred(from, to);
        Near.Identical(before, from.Read());

        to.remove_parametrizations("weight");
        Assert.False(to.is_parametrized("weight"));
        Assert.True(from.is_parametrized("weight"));
        Near.Identical(before, from.Read());
        Near.Identical(before, to.weight);
    }

    [Fact]
    public void test_transfer_parametrizations_and_params_right_inverse()
    {
        var (from, to) = (nn.Linear(5, 5).register_parametrization("weight", ScriptedNodes.Double), new Other());
        using var before = from.Read();
        AssertTransferred(from, parametrize.transfer_parametrizations_and_params(from, to));
        Near.Identical(before, from.Read());
    }

    [Fact]
    public void test_transfer_parametrizations_and_params_single_param()
    {
        var (from, to) = (Layer("weight", "bias"), new Other());
        parametrize.transfer_parametrizations_and_params(from, to, "weight");
        AssertTransferred(from, to);
        Assert.False(to.is_parametrized("bias"));
    }

    [Fact]
    public void test_transfer_parametrizations_and_params_many_to_one()
    {
        var from = nn.Linear(5, 5).register_parametrization("weight", ScriptedNodes.RankOne);
        from.register_parametrization("weight", ScriptedNodes.Double);
        var to = new Other();
        using var before = from.Read();
        parametrize.transfer_parametrizations_and_params(from, to);
        AssertTransferred(from, to, "original0");
        AssertTransferred(from, to, "original1");
        Near.Identical(before, from.Read());

        using (no_grad())
            to.Original(part: "original0").zero_();
        Near.Identical(before, from.Read());
    }

    [Fact]
    public void test_transfer_parametrizations_and_params_to_a_module_without_the_tensor()
    {
        var (from, to) = (Layer("weight", "bias"), nn.Linear(5, 5, hasBias: false));
        var before = Snapshot.Of(to);
        foreach (var name in new[] { "bias", null })
        {
            var error = Assert.Throws<ArgumentException>(() =>
                parametrize.transfer_parametrizations_and_params(from, to, name)
            );
            Assert.Contains("bias", error.Message);
            before.AssertUnchanged();
        }
    }

    [Fact]
    public void test_caching_parametrization_with_transfer_parametrizations_and_params()
    {
        var from = nn.Linear(5, 5).orthogonal();
        var to = parametrize.transfer_parametrizations_and_params(from, nn.Linear(5, 5));
        using (parametrize.cached())
        {
            from.call(ones(1, 5));
            to.call(ones(1, 5));
            var (first, second) = (from.weight, to.weight);
            Assert.NotSame(first, second);
            Near.Identical(first, second);
            from.call(ones(1, 5));
            to.call(ones(1, 5));
            Assert.Same(first, from.weight);
            Assert.Same(second, to.weight);
        }
    }

    [Fact]
    public void test_deepcopy_after_parametrization()
    {
        var model = Layer("weight");
        for (var time = 0; time < 3; time++)
        {
            var copy = parametrize.copy_parametrizations(model, nn.Linear(5, 5));
            copy.load_parametrized_state_dict(model.state_dict());
            Assert.Equal(model.state_dict().Keys, copy.state_dict().Keys);
            foreach (var ((_, mine), (_, other)) in model.state_dict().Zip(copy.state_dict()))
            {
                Near.Identical(mine, other);
                Assert.NotSame(mine, other);
                using (no_grad())
                    other.add_(1);
                Near.Different(mine, other);
            }
            model.register_parametrization("bias", ScriptedNodes.AddOne);
        }
    }

    [Fact]
    public void test_weight_norm_deepcopy()
    {
        var model = nn.Linear(4, 5).weight_norm();
        var copy = parametrize.copy_parametrizations(model, nn.Linear(4, 5));
        copy.load_parametrized_state_dict(model.state_dict());
        using var input = randn(3, 4);
        using var expected = model.call(input);
        Near.Identical(expected, copy.call(input));

        copy.remove_parametrizations("weight");
        Assert.True(model.is_parametrized("weight"));
        Near.Identical(expected, model.call(input));
        Near.Same(expected, copy.call(input));
    }
}

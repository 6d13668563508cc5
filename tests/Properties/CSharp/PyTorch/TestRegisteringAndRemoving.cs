using Parametrize.CSharp;
using Properties.CSharp.Support;
using TorchSharp.Modules;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp.PyTorch;

/// <summary>What PyTorch's tests of these names check.</summary>
public class TestRegisteringAndRemoving
{
    private sealed class Shifted : nn.Module<Tensor, Tensor>
    {
        private readonly Parameter weight = nn.Parameter(randn(8, 8));
        private readonly Tensor shift = ones(8);

        public Shifted()
            : base(nameof(Shifted)) => RegisterComponents();

        public override Tensor forward(Tensor input) => nn.functional.linear(input, weight, shift);
    }

    private readonly Linear _model = nn.Linear(8, 8);

    private void RegisterSkewAndCayley() =>
        _model
            .register_parametrization("weight", Parametrizations.Skew, WhenNotAllowed.Reinterpret)
            .register_parametrization(
                "weight",
                Parametrizations.Cayley(trivialized: false),
                WhenNotAllowed.Reinterpret
            );

    private void AssertGone(Parameter weight, Tensor expected)
    {
        Assert.DoesNotContain(_model.named_children(), child => child.name == "parametrizations");
        Assert.False(_model.is_parametrized());
        Assert.Same(weight, _model.weight);
        Near.Identical(expected, _model.weight);
        Assert.Equal(typeof(Linear), _model.GetType());
    }

    /// <summary>Changes weight and bias, whatever they are computed from.</summary>
    private void Step(optim.Optimizer optimizer)
    {
        Tensor Now(string name) =>
            _model.is_parametrized(name) ? _model.Read(name) : _model.get_parameter(name)!.detach().clone();
        using var weight = Now("weight");
        using var bias = Now("bias");
        optimizer.zero_grad();
        _model.call(linspace(1, 2, 8).unsqueeze(0)).pow(2).sum().backward();
        optimizer.step();
        Near.Different(weight, Now("weight"));
        Near.Different(bias, Now("bias"));
    }

    [Fact]
    public void test_register_and_remove_parametrization()
    {
        var (weight, bias) = (_model.weight, _model.bias);
        using var initial = weight.detach().clone();

        _model.register_parametrization("weight", Parametrizations.Skew, WhenNotAllowed.Reinterpret);
        Assert.True(_model.is_parametrized() && _model.is_parametrized("weight"));
        Assert.False(_model.is_parametrized("bias"));
        Assert.False(_model.HasParameter("weight"));
        using var skew = _model.Read();
        Near.Same(skew, -skew.mT, 0);
        _model.remove_parametrizations("weight", leave_parametrized: false);
        AssertGone(weight, initial);

        RegisterSkewAndCayley();
        Near.Orthogonal(_model.Read());
        _model.remove_parametrizations("weight", leave_parametrized: false);
        AssertGone(weight, initial);

        RegisterSkewAndCayley();
        _model
            .register_parametrization("bias", ScriptedNodes.FirstZero)
            .register_parametrization("bias", ScriptedNodes.LastZero);
        Assert.Equal(2, _model.parameters().Count());
        var sgd = optim.SGD(_model.parameters(), 0.01);
        Step(sgd);

        _model.remove_parametrizations("weight", leave_parametrized: false);
        Assert.True(_model.is_parametrized("bias"));
        Assert.False(_model.is_parametrized("weight"));
        Assert.Same(weight, _model.weight);
        Near.Different(initial, _model.weight);
        Assert.Equal(0, _model.Read("bias")[0].item<float>());
        Assert.Equal(0, _model.Read("bias")[^1].item<float>());
        Step(sgd);

        _model.remove_parametrizations("bias", leave_parametrized: false);
        Assert.False(_model.is_parametrized());
        Assert.Same(bias, _model.bias);
        Assert.Equal(2, _model.parameters().Count());
        Step(sgd);
        Assert.NotEqual(0, _model.bias![0].item<float>());

        for (var time = 0; time < 2; time++)
        {
            RegisterSkewAndCayley();
            _model.remove_parametrizations("weight");
            Assert.Same(weight, _model.weight);
            Assert.Same(bias, _model.bias);
            Near.Orthogonal(_model.weight);
            Step(sgd);
        }
    }

    [Fact]
    public void test_register_and_remove_nested_parametrization()
    {
        _model.register_parametrization("weight", Parametrizations.Skew);
        var inner = _model.parametrization("weight");
        var before = Snapshot.Of(_model);

        // PyTorch parametrizes `original` once more; here that is a chain, or a module that holds a ParametrizedTensor.
        var error = Assert.Throws<NotSupportedException>(() =>
            inner.register_parametrization("original", Parametrizations.Skew)
        );
        Assert.Contains(nameof(ParametrizedTensor), error.Message);
        before.AssertUnchanged();

        _model.register_parametrization("weight", Parametrizations.Cayley());
        Assert.Equal(Parametrizations.Skew.Then(Parametrizations.Cayley()), inner.Parametrization);
        Near.Orthogonal(_model.Read());
        _model.remove_parametrizations("weight");
        Assert.False(_model.is_parametrized());
    }

    [Fact]
    public void test_register_and_remove_buffer_parametrization()
    {
        var model = new Shifted();
        model
            .register_parametrization("shift", ScriptedNodes.FirstZero)
            .register_parametrization("shift", ScriptedNodes.LastZero);
        using var expected = tensor(new float[] { 0, 1, 1, 1, 1, 1, 1, 0 });
        Assert.True(model.is_parametrized("shift"));
        Near.Identical(expected, model.Read("shift"));
        Assert.Single(model.parameters());

        model.remove_parametrizations("shift");
        Assert.False(model.is_parametrized() || model.is_parametrized("shift"));
        Near.Identical(expected, model.get_buffer("shift")!);
        Assert.Single(model.parameters());
    }

    [Fact]
    public void test_register_parametrization_no_grad()
    {
        _model.weight.requires_grad_(false);
        _model.register_parametrization("weight", ScriptedNodes.Halves);
        Assert.False(_model.parametrization("weight").Value.requires_grad);
        Assert.False(_model.Original(part: "original0").requires_grad);
        Assert.False(_model.Original(part: "original1").requires_grad);
    }

    [Fact]
    public void test_parametrization_same_training_mode()
    {
        _model.eval();
        _model.register_parametrization("weight", Parametrizations.Skew);
        Assert.All(_model.modules(), child => Assert.False(child.training));
        _model.train();
        _model.register_parametrization("weight", Parametrizations.Cayley());
        Assert.Equal(2, _model.parametrization("weight").named_children().Count());
        Assert.All(_model.modules(), child => Assert.True(child.training));
    }

    [Fact]
    public void test_type_before_parametrizations()
    {
        nn.Module model = _model.register_parametrization("weight", ScriptedNodes.Double);
        Assert.Equal(typeof(Linear), model.GetType());
    }
}

using Parametrize.CSharp;
using Properties.CSharp.Support;
using TorchSharp.Modules;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp.PyTorch;

/// <summary>Tensors that are computed from several.</summary>
public class TestSeveralInputs
{
    private readonly Linear _model = nn.Linear(3, 3);

    private static void AssertRankOne(Tensor matrix) =>
        Assert.Equal(1, linalg.matrix_rank(matrix, atol: 1e-4).item<long>());

    private void AssertStaysParametrized()
    {
        var before = Snapshot.Of(_model);
        Assert.Throws<InvalidOperationException>(() =>
            _model.remove_parametrizations("weight", leave_parametrized: false)
        );
        before.AssertUnchanged();
    }

    private void Train()
    {
        var sgd = optim.SGD(_model.parameters(), 0.1);
        for (var step = 0; step < 2; step++)
        {
            sgd.zero_grad();
            _model.call(ones(1, 3)).sum().backward();
            sgd.step();
        }
    }

    [Fact]
    public void test_multiple_inputs_parametrization()
    {
        _model.register_parametrization("weight", ScriptedNodes.RankOne);
        Assert.True(_model.HasParameter("parametrizations.weight.original0"));
        Assert.True(_model.HasParameter("parametrizations.weight.original1"));
        Assert.False(_model.HasParameter("weight") || _model.is_parametrized("bias"));
        AssertRankOne(_model.Read());
        AssertStaysParametrized();

        _model.remove_parametrizations("weight");
        Assert.False(_model.is_parametrized());
        Assert.Equal(["weight", "bias"], _model.state_dict().Keys);
        AssertRankOne(_model.weight);

        using var initial = _model.weight.detach().clone();
        _model.register_parametrization("weight", ScriptedNodes.RankOne);
        Near.Same(initial, _model.Read());
        // A right inverse keeps the value; without one PyTorch would double it.
        _model.register_parametrization("weight", ScriptedNodes.Double);
        Near.Same(initial, _model.Read());
        Assert.Equal(3, _model.parameters().Count());
        Train();
        Near.Different(initial, _model.Read());
        AssertRankOne(_model.Read());
        AssertStaysParametrized();

        _model.remove_parametrizations("weight");
        AssertRankOne(_model.weight);
        Assert.Equal(2, _model.parameters().Count());
        Train();
    }

    [Fact]
    public void test_caching_parametrization()
    {
        _model
            .register_parametrization("weight", Parametrizations.Skew)
            .register_parametrization("weight", Parametrizations.Cayley());
        using (parametrize.cached(_model))
        {
            var first = _model.weight;
            _model.call(ones(1, 3));
            Assert.Same(first, _model.weight);
            Near.Orthogonal(first);
        }
    }
}

using Parametrize.CSharp;
using Properties.CSharp.Support;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp;

/// <summary>A second registration puts more links behind the first, by the same policies.</summary>
public class RegisteringAgainAppends
{
    [Fact]
    public void Registering_again_appends_and_keeps_an_allowed_value()
    {
        var layer = nn.Linear(4, 4);
        layer.register_parametrization("weight", Parametrizations.Symmetric);
        using var value = layer.parametrization("weight").Value.detach();

        layer.register_parametrization("weight", new Doubling().Value);

        Assert.Equal("symmetric >>> doubling", layer.parametrization("weight").Parametrization.ToString());
        Near.Same(value, layer.parametrization("weight").Value);
    }

    [Fact]
    public void Registering_again_projects_a_value_that_the_new_link_does_not_allow()
    {
        var layer = nn.Linear(4, 4);
        layer.register_parametrization("weight", Parametrizations.Skew);
        layer.register_parametrization("weight", Parametrizations.Cayley());
        Near.Orthogonal(layer.parametrization("weight").Value);
        Assert.Equal(
            ["bias", "parametrizations.weight.original", "parametrizations.weight.1.base"],
            layer.state_dict().Keys
        );
    }

    [Fact]
    public void Registering_again_refuses_when_asked_to()
    {
        var layer = nn.Linear(4, 4);
        layer.register_parametrization("weight", Parametrizations.Skew);
        var before = Snapshot.Of(layer);
        Assert.Throws<ParametrizationException>(() =>
            layer.register_parametrization("weight", Parametrizations.Cayley(), WhenNotAllowed.Refuse)
        );
        before.AssertUnchanged();
    }

    [Fact]
    public void Registering_again_samples_when_asked_to()
    {
        Tensor Appended(WhenNotAllowed policy, long seed)
        {
            manual_seed(7);
            var layer = nn.Linear(4, 4).register_parametrization("weight", Parametrizations.Skew);
            manual_seed(seed);
            layer.register_parametrization("weight", Parametrizations.Cayley(), policy);
            return layer.parametrization("weight").Value.detach();
        }

        Near.Same(Appended(WhenNotAllowed.Project, 1), Appended(WhenNotAllowed.Project, 2));
        Near.Different(Appended(WhenNotAllowed.Sample, 1), Appended(WhenNotAllowed.Sample, 2));
    }

    [Fact]
    public void Registering_again_reinterprets_when_asked_to()
    {
        var layer = nn.Linear(4, 4).register_parametrization("weight", Parametrizations.Skew);
        using var skew = layer.parametrization("weight").Value.detach();
        var before = layer.parameters().ToArray();
        var exponential = Parametrizations.MatrixExp(trivialized: false);
        layer.register_parametrization("weight", exponential, WhenNotAllowed.Reinterpret);
        Near.Same(linalg.matrix_exp(skew), layer.parametrization("weight").Value);
        Assert.Equal(before, layer.parameters());
    }

    [Fact]
    public void What_reads_several_tensors_comes_first_or_not_at_all()
    {
        foreach (var several in new[] { Parametrizations.WeightNorm(), new LowRank(2).Value })
        foreach (var present in new[] { Parametrizations.Identity, Parametrizations.Symmetric })
        {
            var layer = nn.Linear(4, 4).register_parametrization("weight", present);
            var before = Snapshot.Of(layer);
            var refusal = Assert.Throws<ParametrizationException>(() =>
                layer.register_parametrization("weight", several)
            );
            Assert.True(refusal.Error.IsReadsSeveralTensors);
            before.AssertUnchanged();
        }
    }

    [Fact]
    public void Registering_again_keeps_the_mask()
    {
        var layer = nn.Linear(6, 6);
        layer.register_parametrization("weight", Parametrizations.PrunedL1(0.5));
        var zeros = layer.parametrization("weight").Value.eq(0);
        layer.register_parametrization("weight", new Doubling().Value);
        Assert.True(layer.parametrization("weight").Value.eq(0).eq(zeros).all().item<bool>());
    }
}

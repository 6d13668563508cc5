using Parametrize;
using Parametrize.CSharp;
using Properties.CSharp.Faults;
using Properties.CSharp.Support;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp.PyTorch;

/// <summary>What is known to go wrong with torch.nn.utils.parametrize.</summary>
public class DefectsOfPyTorchAreNotHere
{
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Weight_decay_does_not_collapse_the_Householder_map(bool trivialized)
    {
        var layer = nn.Linear(6, 6).orthogonal("weight", OrthogonalMap.Householder, trivialized);
        var sgd = optim.SGD(layer.parameters(), 0.5, weight_decay: 1);
        for (var step = 0; step < 300; step++)
        {
            using var _ = NewDisposeScope();
            sgd.zero_grad();
            (layer.call(ones(1, 6)) * 0).sum().backward();
            sgd.step();
        }
        Assert.InRange(ScriptedNodes.Largest(layer.Original()), 0, 1e-30);
        Near.Orthogonal(layer.Read());
        layer.call(randn(3, 6)).pow(2).sum().backward();
        Assert.True(layer.Original().grad!.isfinite().all().item<bool>());
    }

    public static TheoryData<Parametrization, Parametrization> Stacks =>
        new()
        {
            { Parametrizations.Skew, ScriptedNodes.Double },
            { Parametrizations.Symmetric, ScriptedNodes.Double },
            { Parametrizations.Triangular(Triangle.Lower), Parametrizations.PrunedBernoulli(0, 1) },
            { Parametrizations.Positive, ScriptedNodes.Double },
            { Parametrizations.WeightNorm(), ScriptedNodes.AddOne },
            { Parametrizations.Identity, ScriptedNodes.AddOne },
            { ScriptedNodes.Halves, ScriptedNodes.Double },
        };

    [Theory]
    [MemberData(nameof(Stacks))]
    public void Stacking_keeps_the_value(Parametrization first, Parametrization second)
    {
        var layer = nn.Linear(4, 4).register_parametrization("weight", first);
        using var before = layer.Read().clone();
        layer.register_parametrization("weight", second);
        Near.Same(before, layer.Read());
        using var other = first.Sample([4, 4]);
        layer.parametrization("weight").Value = other;
        Near.Same(other, layer.Read());
    }

    public static TheoryData<Parametrization> Values =>
        [
            Parametrizations.Identity,
            Parametrizations.Symmetric,
            Parametrizations.Skew,
            Parametrizations.Orthogonal(),
            Parametrizations.Householder(),
            Parametrizations.WeightNorm(),
            Parametrizations.SpectralNorm(),
            Parametrizations.Positive,
            Parametrizations.PrunedBernoulli(0, 1),
            ScriptedNodes.Double,
            ScriptedNodes.Halves,
            new Scripted("as it is").Value,
        ];

    [Theory]
    [MemberData(nameof(Values))]
    public void Assigning_copies(Parametrization value)
    {
        var layer = nn.Linear(4, 4).register_parametrization("weight", value);
        using var mine = value.Sample([4, 4]);
        using var copy = mine.clone();
        layer.parametrization("weight").Value = mine;
        mine.fill_(7);
        Near.Same(copy, layer.Read());
        using (no_grad())
            foreach (var parameter in layer.parametrization("weight").parameters())
                parameter.fill_(3);
        Near.Identical(full(4, 4, 7.0f), mine);
    }

    [Theory]
    [MemberData(nameof(Values))]
    public void Assigning_looks_at_the_shape(Parametrization value)
    {
        var layer = nn.Linear(4, 4).register_parametrization("weight", value);
        var before = Snapshot.Of(layer);
        foreach (var shape in new long[][] { [], [4], [1, 4], [2, 2], [5, 5], [4, 4, 4] })
            Assert.Throws<ParametrizationException>(() => layer.parametrization("weight").Value = ones(shape));
        before.AssertUnchanged();
    }

    [Fact]
    public void Registering_that_fails_changes_nothing_of_another_tensor_or_an_optimizer()
    {
        var layer = nn.Linear(4, 4).orthogonal();
        var adam = optim.Adam(layer.parameters(), 0.1);
        layer.call(randn(2, 4)).sum().backward();
        adam.step();
        var before = Snapshot.Of(layer);
        using var gradient = layer.bias!.grad!.clone();
        Assert.Throws<ParametrizationException>(() => layer.orthogonal("bias"));
        Assert.Throws<ParametrizationException>(() => layer.weight_norm());
        var (failing, node) = (new ApplicationException(), new FaultyNode());
        node.Fault = name =>
        {
            if (name == nameof(FaultyNode.Forward))
                throw failing;
        };
        Assert.Same(failing, Record.Exception(() => layer.register_parametrization("bias", node.Value)));
        Assert.Same(failing, Record.Exception(() => layer.register_parametrization("weight", node.Value)));
        before.AssertUnchanged();
        Near.Identical(gradient, layer.bias!.grad!);
        adam.step();
        Near.Orthogonal(layer.Read());
    }

    [Fact]
    public void A_cached_value_is_that_of_its_own_model_and_of_now()
    {
        var (first, second) = (nn.Linear(4, 4).orthogonal(), nn.Linear(4, 4).orthogonal());
        second.load_state_dict(first.state_dict());
        using var q = Parametrizations.Orthogonal().Sample([4, 4]);
        using (parametrize.cached())
        {
            Near.Identical(first.Read(), second.Read());
            second.parametrization("weight").Value = q;
            Near.Same(q, second.Read());
            Near.Different(q, first.Read());
            first.load_parametrized_state_dict(second.state_dict());
            Near.Same(q, first.Read());

            var sgd = optim.SGD(first.parameters(), 0.1);
            using var input = randn(3, 4);
            first.call(input).pow(3).sum().backward();
            sgd.step();
            Near.Different(q, first.Read());
            Near.Same(input.matmul(first.Read().mT) + first.bias!, first.call(input));
            Near.Same(q, second.Read());
        }
    }

    /// <summary>PyTorch would double twice what is left.</summary>
    [Theory]
    [InlineData(true, true)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    [InlineData(false, false)]
    public void Removing_leaves_a_tied_module_whole(bool firstGoes, bool leave)
    {
        var (first, second) = (nn.Linear(4, 4, hasBias: false), nn.Linear(4, 4, hasBias: false));
        second.weight = first.weight;
        var model = new Shared.Tied(first, second);
        using var value = first.weight.detach().clone();
        using var left = leave ? value.clone() : value / 2;
        model.register_parametrization("encoder.weight", ScriptedNodes.Double);
        Assert.True(second.is_parametrized("weight"));

        var (gone, other) = firstGoes ? (first, second) : (second, first);
        gone.remove_parametrizations("weight", leave);
        Near.Same(left, gone.weight);
        Assert.True(other.is_parametrized("weight"));
        Near.Same(value, other.Read());
        Near.Same(value.mT, other.call(eye(4)));
        other.remove_parametrizations("weight", leave);
        Near.Same(left, other.weight);
        Near.Same(left, gone.weight);
    }

    [Fact]
    public void Of_several_parameters_the_present_one_stays_in_its_optimizer_which_is_told_of_the_others()
    {
        var layer = nn.Linear(4, 4);
        var weight = layer.weight;
        var sgd = optim.SGD([.. layer.parameters()], 0.1);
        layer.weight_norm();
        using var g = layer.Original(part: "original0").clone();

        // The direction is the module's parameter; the magnitude is new.
        Assert.Same(weight, layer.parametrization("weight").get_parameter("original1"));
        void Step()
        {
            sgd.zero_grad();
            (layer.call(eye(4)) - 2).pow(2).sum().backward();
            sgd.step();
        }
        using var before = layer.Read();
        Step();
        Near.Different(before, layer.Read());
        Near.Identical(g, layer.Original(part: "original0"));

        sgd.add_parametrized_parameters(layer);
        Step();
        Near.Different(g, layer.Original(part: "original0"));
    }

    [Theory]
    [InlineData("weight norm", false)]
    [InlineData("weight norm", true)]
    [InlineData("whole weight norm", true)]
    [InlineData("spectral norm", false)]
    [InlineData("spectral norm", true)]
    public void Zero_rows_and_tensors_give_no_NaN(string norm, bool all)
    {
        var layer = nn.Linear(4, 4);
        using (no_grad())
            (all ? layer.weight : layer.weight[0]).zero_();
        _ = norm switch
        {
            "weight norm" => layer.weight_norm(),
            "whole weight norm" => layer.weight_norm(dim: null),
            _ => layer.spectral_norm(),
        };
        for (var pass = 0; pass < 3; pass++)
        {
            layer.zero_grad();
            layer.call(randn(2, 4)).pow(2).sum().backward();
            Assert.True(layer.Read().isfinite().all().item<bool>());
            Assert.Equal(0, ScriptedNodes.Largest(layer.Read()[0]));
            Assert.All(
                layer.parametrization("weight").parameters(),
                parameter => Assert.True(parameter.grad!.isfinite().all().item<bool>())
            );
        }
    }
}

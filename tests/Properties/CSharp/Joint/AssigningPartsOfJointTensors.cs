using FsCheck.Xunit;
using Parametrize.CSharp;
using Properties.CSharp.Support;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp.Joint;

/// <summary>`layer.bias = b` replaces a part and keeps the others.</summary>
public class AssigningPartsOfJointTensors
{
    [Property(MaxTest = 30)]
    public void Others_stay(byte seed, bool toWeight, bool toBias, bool inScope)
    {
        Seeded.Everywhere(seed);
        var layer = nn.Linear(3, 4).register_parametrization(["weight", "bias"], new Doubling().Value);
        using var present = layer.parametrization("weight").Value.detach();
        using var weight = toWeight ? randn(4, 3) : present[.., ..3].clone();
        using var bias = toBias ? randn(4) : present[.., 3].clone();
        using (inScope ? parametrize.cached() : null)
        {
            layer.call(ones(2, 3)).Dispose();
            if (toWeight)
                layer.weight = nn.Parameter(weight.clone());
            if (toBias)
                layer.bias = nn.Parameter(bias.clone());
            Near.Same(nn.functional.linear(ones(2, 3), weight, bias), layer.call(ones(2, 3)));
        }
        Near.Same(cat([weight, bias.unsqueeze(1)], 1), layer.parametrization("weight").Value);
        Assert.Equal(["parametrizations.weight+bias.original"], layer.state_dict().Keys);
    }

    [Fact]
    public void What_the_space_does_not_allow_is_refused_and_undone()
    {
        var layer = nn.Linear(3, 4).register_parametrization(["weight", "bias"], Parametrizations.Orthogonal());
        using var before = layer.parametrization("weight").Value.detach();
        layer.bias = nn.Parameter(ones(4));
        Assert.Throws<ParametrizationException>(() => layer.call(ones(2, 3)));
        Near.Same(before, layer.parametrization("weight").Value);
        Assert.Equal(
            ["parametrizations.weight+bias.original", "parametrizations.weight+bias.0.base"],
            layer.state_dict().Keys
        );
    }

    [Fact]
    public void Another_shape_is_refused()
    {
        var layer = nn.Linear(3, 4).register_parametrization(["weight", "bias"], new Doubling().Value);
        using var before = layer.parametrization("weight").Value.detach();
        layer.weight = nn.Parameter(ones(3, 4));
        var refusal = Assert.Throws<ArgumentException>(() => layer.call(ones(2, 3)));
        Assert.Contains("weight has shape [4, 3]", refusal.Message);
        Near.Same(before, layer.parametrization("weight").Value);
    }

    [Fact]
    public void Another_element_type_is_refused()
    {
        var layer = nn.Linear(3, 4).register_parametrization(["weight", "bias"], new Doubling().Value);
        using var before = layer.parametrization("weight").Value.detach();
        layer.bias = nn.Parameter(ones(4, dtype: float16));
        Assert.Contains("Float16", Assert.Throws<ArgumentException>(() => layer.call(ones(2, 3))).Message);
        Near.Same(before, layer.parametrization("weight").Value);
    }
}

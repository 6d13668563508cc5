using Parametrize.CSharp;
using Properties.CSharp.Support;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp;

/// <summary>`forward` runs no hooks: it must fail, not compute with another tensor.</summary>
public class BypassingCallFailsLoudly
{
    public static TheoryData<string> Kinds => new(Layer.Bypassable);

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Forward_throws_and_call_still_works(string kind)
    {
        var layer = Layer.Of(kind);
        layer.Module.register_parametrization(layer.Name, new Doubling().Value);
        var input = layer.Input(ScalarType.Float32);

        Assert.ThrowsAny<Exception>(() => layer.Bypass(input));

        Assert.True(layer.Output(input).numel() > 0);
        Assert.ThrowsAny<Exception>(() => layer.Bypass(input));
    }

    [Theory]
    [InlineData("BatchNorm2d", "weight")]
    [InlineData("BatchNorm2d", "bias")]
    [InlineData("BatchNorm2d", "running_mean")]
    [InlineData("GroupNorm", "bias")]
    [InlineData("LayerNorm", "bias")]
    [InlineData("Conv2d", "bias")]
    [InlineData("ConvTranspose2d", "bias")]
    [InlineData("Bilinear", "bias")]
    [InlineData("InstanceNorm1d", "bias")]
    public void Forward_throws_for_the_other_tensors_in_both_modes(string kind, string name)
    {
        var layer = Layer.Of(kind);
        layer.Module.register_parametrization(name, new Doubling().Value);
        foreach (var training in new[] { true, false })
        {
            layer.Module.train(training);
            Assert.ThrowsAny<Exception>(() => layer.Bypass(layer.Input(ScalarType.Float32)));
        }
    }

    [Fact]
    public void The_placeholder_says_where_the_value_is()
    {
        var layer = nn.Linear(4, 4).orthogonal();
        Assert.Contains("parametrization(\"weight\").Value", layer.weight.ToString());
    }

    [Fact]
    public void After_a_failed_call_forward_throws_as_well()
    {
        var layer = nn.Linear(4, 4).orthogonal();
        Assert.ThrowsAny<Exception>(() => layer.call(randn(3, 7)));
        layer.call(randn(3, 4));
        Assert.ThrowsAny<Exception>(() => layer.forward(randn(3, 4)));
    }
}

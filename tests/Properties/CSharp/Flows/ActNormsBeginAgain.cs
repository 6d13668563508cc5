using Parametrize.Flows;
using Properties.CSharp.Support;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp.Flows;

/// <summary>An ActNorm that was reset is as a new one.</summary>
public class ActNormsBeginAgain
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void As_a_new_one(bool isOfImages)
    {
        using var scope = NewDisposeScope();
        Seeded.Everywhere(4);
        using var layer = new ActNorm(3);
        using var fresh = new ActNorm(3);
        long[] shape = isOfImages ? [8, 3, 2, 2] : [8, 3];
        var (first, second) = (randn(shape) * 4 + 7, randn(shape) * 2 - 1);
        layer.forward(first);
        Assert.True(layer.IsSet);
        layer.Reset();
        Assert.False(layer.IsSet);
        foreach (var (name, tensor) in fresh.state_dict())
            Near.Identical(tensor, layer.state_dict()[name]);

        layer.eval();
        var (latent, logDet) = layer.ForwardWithLogDet(second);
        Near.Same(second, latent);
        Near.Same(zeros(8), logDet);
        layer.train();
        Near.Same(fresh.forward(second), layer.forward(second));
        Assert.True(layer.IsSet);
    }
}

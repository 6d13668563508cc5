using Parametrize.CSharp;
using Properties.CSharp.Shared;
using TorchSharp.Modules;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp.Models;

/// <summary>
/// What copies or averages between models writes to one tensor of the target for each tensor of the source: two for one is refused.
/// </summary>
public class TiesHaveToBeAlike
{
    private static Tied Make(bool isTied, bool isNative)
    {
        nn.Module<Tensor, Tensor> first = isNative ? nn.Embedding(6, 4) : nn.Linear(4, 6, hasBias: false);
        var second = nn.Linear(4, 6, hasBias: false);
        if (isTied)
            second.weight = first is Embedding table ? table.weight! : ((Linear)first).weight;
        return new(first, second);
    }

    [Theory]
    [InlineData(false, false)]
    [InlineData(false, true)]
    [InlineData(true, false)]
    [InlineData(true, true)]
    public void Two_tensors_for_one(bool isNative, bool isParametrized)
    {
        var (source, target) = (Make(isTied: false, isNative), Make(isTied: true, isNative));
        if (isParametrized)
            source.register_parametrization("encoder.weight", Parametrizations.Sphere());
        var refusal = Assert.Throws<ArgumentException>(() => parametrize.copy_parametrizations(source, target));
        Assert.Contains(
            "are one tensor in the target, but two in the source",
            refusal.Message,
            StringComparison.Ordinal
        );
        Assert.Empty(target.parametrizations());
        Assert.Throws<ArgumentException>(() => new AveragedModel<Tied>(target, 0.5).update_parameters(source));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void The_same_ties(bool isNative)
    {
        var (source, target) = (Make(isTied: true, isNative), Make(isTied: true, isNative));
        source.register_parametrization("encoder.weight", Parametrizations.Sphere());
        parametrize.copy_parametrizations(source, target);
        Assert.Same(target.encoder.parametrization("weight"), target.decoder.parametrization("weight"));
        new AveragedModel<Tied>(target, 0.5).update_parameters(source);
    }

    [Fact]
    public void One_tensor_for_two_is_shared()
    {
        var (source, target) = (Make(isTied: true, isNative: false), Make(isTied: false, isNative: false));
        source.register_parametrization("encoder.weight", Parametrizations.Sphere());
        parametrize.copy_parametrizations(source, target);
        Assert.Same(target.encoder.parametrization("weight"), target.decoder.parametrization("weight"));
    }

    [Fact]
    public void A_tensor_that_would_share_one_of_another_shape_is_refused()
    {
        var from = nn.Sequential(("a", nn.Linear(4, 4)), ("b", nn.Linear(4, 4)));
        ((Linear)from[0]).register_parametrization("weight", Parametrizations.WeightNorm());
        ((Linear)from[1]).share_parametrization("weight", from.parametrization("a.weight"));
        var to = nn.Sequential(("a", nn.Linear(4, 4)), ("b", nn.Linear(4, 5)));
        Assert.Throws<ArgumentException>(() => parametrize.copy_parametrizations(from, to));
        Assert.Empty(to.parametrizations());
    }
}

using Parametrize.CSharp;
using Properties.CSharp.Support;
using TorchSharp.Modules;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp.Shared;

/// <summary>A copied model shares within itself what the source does, and nothing with the source.</summary>
public class CopiesShareAlike
{
    [Theory]
    [InlineData(false, false)]
    [InlineData(false, true)]
    [InlineData(true, false)]
    public void The_copy_is_tied_and_computes_the_same(bool isShared, bool isTied)
    {
        var source = Tied.Of(Parametrizations.Orthogonal());
        var copy = isShared ? Tied.Of(Parametrizations.Orthogonal()) : Tied.Plain();
        if (isTied)
            ((Linear)copy.decoder).weight = ((Linear)copy.encoder).weight;
        parametrize.copy_parametrizations(source, copy);
        copy.load_parametrized_state_dict(source.state_dict());

        Assert.Same(copy.Tensor, copy.decoder.parametrization("weight"));
        Assert.NotSame(source.Tensor, copy.Tensor);
        using var x = randn(3, 4);
        Near.Same(source.call(x), copy.call(x));
        source.encoder.remove_parametrizations("weight");
        source.decoder.remove_parametrizations("weight");
        Near.Same(source.call(x), copy.call(x));
    }

    [Fact]
    public void A_target_that_shares_otherwise_is_refused_whole()
    {
        var (source, target) = (Tied.Of(Parametrizations.Skew), Tied.Plain());
        target.encoder.register_parametrization("weight", Parametrizations.Skew);
        target.decoder.register_parametrization("weight", Parametrizations.Skew);
        var before = Snapshot.Of(target);
        Assert.Throws<InvalidOperationException>(() => parametrize.copy_parametrizations(source, target));
        before.AssertUnchanged();
    }

    [Fact]
    public void What_a_user_holds_is_lent_there_too()
    {
        var (source, copy) = (Lending(true), Lending(false));
        parametrize.copy_parametrizations(source, copy);
        var layer = (Linear)copy.decoder;
        Assert.Same(((Holder)copy.encoder).kernel, layer.parametrization("weight"));
        Near.Same(((Holder)source.encoder).kernel.Value, layer.parametrization("weight").Value);

        static Tied Lending(bool lends)
        {
            var model = new Tied(new Holder(Parametrizations.Skew, randn(4, 4)), nn.Linear(4, 4));
            if (lends)
                model.decoder.share_parametrization("weight", ((Holder)model.encoder).kernel);
            return model;
        }
    }
}

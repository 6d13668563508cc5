using Parametrize.CSharp;
using Properties.CSharp.Support;
using TorchSharp;
using TorchSharp.Modules;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp.Shared;

/// <summary>What does not fit changes neither module.</summary>
public class SharingIsRefusedWhole
{
    private readonly Linear _layer = nn.Linear(4, 4).orthogonal();

    private ParametrizedTensor Shared => _layer.parametrization("weight");

    private void Refused<TError>(nn.Module module, string name, params string[] words)
        where TError : Exception
    {
        var (before, own) = (Snapshot.Of(module), Snapshot.Of(_layer));
        var error = Assert.ThrowsAny<TError>(() => module.share_parametrization(name, Shared));
        Assert.All(words, word => Assert.Contains(word, error.Message));
        before.AssertUnchanged();
        own.AssertUnchanged();
        using var _ = _layer.call(randn(2, 4));
    }

    [Fact]
    public void Another_shape() => Refused<ArgumentException>(nn.Linear(4, 5), "weight", "[5, 4]", "[4, 4]");

    [Fact]
    public void Another_dtype() => Refused<ArgumentException>(nn.Linear(4, 4).to(float64), "weight", "Float64");

    [Fact]
    public void A_buffer() => Refused<ArgumentException>(new TensorField(), "table", "buffer");

    [Fact]
    public void No_such_tensor() => Refused<ArgumentException>(nn.Linear(4, 4), "wait", "wait");

    [Fact]
    public void One_that_is_parametrized() =>
        Refused<InvalidOperationException>(nn.Linear(4, 4).orthogonal(), "weight", "is parametrized");

    [Fact]
    public void The_module_that_has_it() => Refused<InvalidOperationException>(_layer, "weight", "is parametrized");

    [Fact]
    public void One_that_is_tied_to_another()
    {
        var (encoder, decoder) = (nn.Linear(4, 4), nn.Linear(4, 4));
        decoder.weight = encoder.weight;
        Refused<InvalidOperationException>(new Tied(encoder, decoder), "decoder.weight", "tied", "Untie");
    }

    [Fact]
    public void But_not_one_that_is_tied_to_what_it_is_computed_from()
    {
        var encoder = nn.Linear(4, 4);
        var decoder = nn.Linear(4, 4);
        decoder.weight = encoder.weight;
        encoder.orthogonal();
        var model = new Tied(encoder, decoder);
        model.share_parametrization("decoder.weight", encoder.parametrization("weight"));
        Near.Orthogonal(decoder.call(eye(4)) - decoder.call(zeros(4, 4)));
    }

    [Fact]
    public void A_field_that_cannot_hold_it() => Refused<NotSupportedException>(new OddField(), "weight");

    [Fact]
    public void An_evaluation_that_fails_leaves_both_usable()
    {
        var node = new Doubling();
        var tied = Tied.Of(node.Value);
        var before = Snapshot.Of(tied);
        using var expected = tied.call(eye(4)).detach();
        node.FailIn = "Forward";
        Assert.Throws<ApplicationException>(() => tied.call(eye(4)));
        using (parametrize.cached())
            Assert.Throws<ApplicationException>(() => tied.call(eye(4)));
        Assert.Throws<ApplicationException>(() => parametrize.cached(tied));
        Assert.Throws<ApplicationException>(() => tied.decoder.remove_parametrizations("weight"));
        node.FailIn = null;
        before.AssertUnchanged();
        Near.Same(expected, tied.call(eye(4)));
    }

    [Fact]
    public void A_refused_assignment_to_one_leaves_both_as_they_were()
    {
        var tied = Tied.Of(Parametrizations.Orthogonal());
        using var expected = tied.call(eye(4)).detach();
        ((Linear)tied.decoder).weight = nn.Parameter(ones(4, 4));
        Assert.Throws<ParametrizationException>(() => tied.call(eye(4)));
        Near.Same(expected, tied.call(eye(4)));
    }
}

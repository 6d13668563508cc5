using Parametrize;
using Parametrize.CSharp;
using Properties.CSharp.Support;
using TorchSharp.Modules;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp.Shared;

/// <summary>A model whose user has tied two parameters: `decoder.weight = encoder.weight`.</summary>
public class TiedParametersStayTied
{
    private readonly Linear _encoder = nn.Linear(4, 4);
    private readonly Linear _decoder = nn.Linear(4, 4);
    private readonly Tied _model;

    public TiedParametersStayTied()
    {
        _decoder.weight = _encoder.weight;
        _model = new(_encoder, _decoder);
    }

    [Theory]
    [InlineData("encoder.weight")]
    [InlineData("decoder.weight")]
    public void Registering_on_the_model_is_for_both(string name)
    {
        var own = _encoder.weight;
        _model.register_parametrization(name, Parametrizations.Orthogonal());
        Assert.Same(_encoder.parametrization("weight"), _decoder.parametrization("weight"));
        Assert.Same(own, _encoder.parametrization("weight").parameters().Single());
        using var w = _encoder.parametrization("weight").Value;
        Near.Orthogonal(w);
        Near.Same(w.T, _decoder.call(eye(4)) - _decoder.call(zeros(4, 4)));
        Assert.Equal(3, _model.parameters().Count());
    }

    [Fact]
    public void Embedding_and_projection_too()
    {
        var embedding = nn.Embedding(4, 4);
        _decoder.weight = embedding.weight!;
        var model = new Tied(embedding, _decoder);
        model.register_parametrization(m => ((Embedding)m.encoder).weight, Parametrizations.Orthogonal());
        Assert.Same(embedding.parametrization("weight"), _decoder.parametrization("weight"));
        Near.Orthogonal(embedding.call(arange(4)));
        Assert.Equal(2, model.parameters().Count());
    }

    [Fact]
    public void Picked_or_not_and_once()
    {
        _model.register_parametrizations((name, _) => name == "decoder", "weight", Parametrizations.Skew);
        Assert.Same(_encoder.parametrization("weight"), _decoder.parametrization("weight"));
        _model.register_parametrizations<Linear>("weight", new Doubling().Value);
        Assert.Equal(2, _encoder.parametrization("weight").Parametrization.Nodes.Count);
    }

    [Fact]
    public void Picking_both_registers_once()
    {
        _model.register_parametrizations<Linear>("weight", new Doubling().Value);
        Assert.Same(_encoder.parametrization("weight"), _decoder.parametrization("weight"));
        Assert.Single(_encoder.parametrization("weight").Parametrization.Nodes);
    }

    [Fact]
    public void A_module_that_refuses_leaves_all_plain()
    {
        var odd = new OddField();
        _decoder.weight = (Parameter)odd.state_dict()["weight"];
        var model = new Tied(_decoder, odd);
        var before = Snapshot.Of(model);
        Assert.Throws<NotSupportedException>(() =>
            model.register_parametrization("encoder.weight", Parametrizations.Skew)
        );
        before.AssertUnchanged();
        Assert.Same(_decoder.weight, odd.state_dict()["weight"]);
    }

    [Fact]
    public void Registering_and_removing_on_one_module_gives_both_the_value()
    {
        _encoder.register_parametrization("weight", Parametrizations.Orthogonal());
        _encoder.remove_parametrizations("weight");
        Assert.Same(_encoder.weight, _decoder.weight);
        Near.Orthogonal(_decoder.weight);
    }

    [Fact]
    public void Three_that_are_tied_stay_tied()
    {
        var (a, b, c) = (nn.Linear(4, 4), nn.Linear(4, 4), nn.Linear(4, 4));
        b.weight = a.weight;
        c.weight = a.weight;
        var model = nn.Sequential(("a", a), ("b", b), ("c", c));
        model.register_parametrization("b.weight", Parametrizations.Skew);
        Assert.All([a, c], layer => Assert.Same(b.parametrization("weight"), layer.parametrization("weight")));
        model.remove_parametrizations("b.weight");
        Assert.False(b.is_parametrized());
    }

    public static TheoryData<string, string> Chains =>
        new()
        {
            { "skew", "cayley" },
            { "symmetric", "scale 2.0" },
            { "scale 3.0", "scale 2.0" },
        };

    [Theory]
    [MemberData(nameof(Chains))]
    public void Registering_again_on_tied_modules_appends_once(string first, string then)
    {
        var (single, many) = (Tied(), Tied());
        many.load_state_dict(single.state_dict());
        foreach (var code in new[] { first, then })
        {
            single.register_parametrization("encoder.weight", Parametrizations.Parse(code));
            many.register_parametrizations<Linear>("weight", Parametrizations.Parse(code));
        }
        Assert.Equal(
            single.parametrizations()[0].tensor.Parametrization,
            many.parametrizations()[0].tensor.Parametrization
        );
        Assert.Equal(single.state_dict().Keys, many.state_dict().Keys);
        using var x = randn(2, 3);
        Near.Same(single.call(x), many.call(x));
        many.call(x).sum().backward();
        many.remove_parametrizations("encoder.weight");

        static Sequential Tied()
        {
            var model = nn.Sequential(("encoder", nn.Linear(3, 3)), ("decoder", nn.Linear(3, 3)));
            ((Linear)model[1]).weight = ((Linear)model[0]).weight;
            return model;
        }
    }
}

using Parametrize.CSharp;
using Properties.CSharp.Support;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp.Joint;

/// <summary>Joint tensors in state dictionaries, copies and transfers.</summary>
public class JointStates
{
    public static TheoryData<string> Kinds => new(Joined.Kinds);

    [Theory]
    [MemberData(nameof(Kinds))]
    public void A_plain_state_goes_in_and_comes_out(string kind)
    {
        var (plain, joined) = (Joined.Of(kind), Joined.Of(kind).Register(new Doubling().Value));
        joined.Module.load_parametrized_state_dict(plain.Module.state_dict());
        Near.Same(plain.Output(float32), joined.Output(float32));

        using var scope = parametrize.cached(joined.Module);
        var baked = joined.Module.baked_state_dict();
        Assert.Equal(plain.Module.state_dict().Keys.Order(), baked.Keys.Order());
        Assert.All(plain.Module.state_dict(), entry => Near.Same(entry.Value, baked[entry.Key]));
        Assert.All(baked.Values, tensor => Assert.True(tensor.is_contiguous()));
    }

    /// <summary>Of the members, which the file has to tell, one has no rows.</summary>
    [Fact]
    public void A_file_with_an_empty_member_is_read()
    {
        var path = Path.GetTempFileName();
        var model = new TwoParameters(rand(4, 3) + 1, rand(0, 3));
        model.register_parametrization(["a", "b"], Parametrizations.Positive, dim: 0);
        Safetensors.Save(path, model);
        using var saved = SavedModel.Load(path);
        var tensor = Assert.Single(saved.Tensors);
        Assert.Null(tensor.Problem);
        Assert.Equal(["a", "b"], tensor.PlainNames);
        File.Delete(path);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void It_goes_into_a_plain_model(string kind)
    {
        foreach (var value in new[] { Parametrizations.WeightNorm(), Parametrizations.Orthogonal() })
        {
            var (joined, plain) = (Joined.Of(kind).Register(value), Joined.Of(kind));
            var maps = new Dictionary<string, Parametrize.Parametrization> { [joined.Name] = value };
            plain.Module.load_parametrized_state_dict(joined.Module.state_dict(), parametrizations: maps);
            Near.Same(joined.Tensor.Value, plain.Join(plain.Present));
            Near.Same(joined.Output(float32), plain.Output(float32));
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public void It_goes_into_a_plain_model_when_no_piece_has_its_shape(int dimension)
    {
        var (joined, plain) = (nn.RNNCell(4, 4), nn.RNNCell(4, 4));
        var value = new LowRank(1).Value;
        joined.register_parametrization(["weight_ih", "weight_hh"], value, dim: dimension);
        var maps = new Dictionary<string, Parametrize.Parametrization> { ["weight_ih+weight_hh"] = value };
        plain.load_parametrized_state_dict(joined.state_dict(), parametrizations: maps);
        using var loaded = cat([plain.weight_ih!, plain.weight_hh!], dimension);
        Near.Same(joined.parametrization("weight_ih").Value, loaded);

        var unnamed = Assert.Throws<StateDictException>(() => plain.load_parametrized_state_dict(joined.state_dict()));
        Assert.Contains("weight_ih+weight_hh", Assert.Single(unnamed.Problems));
    }

    /// <summary>Of one row, or of one column, a singular vector has as many entries as the matrix.</summary>
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public void A_map_that_its_pieces_tell_need_not_be_named(int dimension)
    {
        foreach (var (rows, columns) in new[] { (1, 1), (1, 3), (3, 1), (2, 2), (2, 3) })
        {
            TwoParameters Model() => new(randn(rows, columns), randn(rows, columns));
            foreach (var value in new[] { Parametrizations.SpectralNorm(), Parametrizations.PrunedL1(0.5) })
            {
                var (joined, plain) = (Model(), Model());
                joined.register_parametrization(["a", "b"], value, dim: dimension);
                joined.eval();
                plain.load_parametrized_state_dict(joined.state_dict());
                Near.Same(joined.parametrization("a").Value, cat([plain.a, plain.b], dimension));
            }
        }
    }

    [Fact]
    public void A_map_that_its_pieces_do_not_tell_has_to_be_named()
    {
        var layer = nn.Linear(3, 4).register_parametrization(["weight", "bias"], Parametrizations.Orthogonal());
        var plain = nn.Linear(3, 4);
        var before = Snapshot.Of(plain);
        var refusal = Assert.Throws<StateDictException>(() => plain.load_parametrized_state_dict(layer.state_dict()));
        Assert.Contains("weight+bias", Assert.Single(refusal.Problems));
        before.AssertUnchanged();
    }

    [Fact]
    public void A_map_whose_pieces_the_state_has_not_is_refused()
    {
        var layer = nn.Linear(3, 4).register_parametrization(["weight", "bias"], Parametrizations.Orthogonal());
        var plain = nn.Linear(3, 4);
        var before = Snapshot.Of(plain);
        var maps = new Dictionary<string, Parametrize.Parametrization>
        {
            ["weight+bias"] = Parametrizations.WeightNorm(),
        };
        var refusal = Assert.Throws<StateDictException>(() =>
            plain.load_parametrized_state_dict(layer.state_dict(), parametrizations: maps)
        );
        Assert.StartsWith(
            "weight+bias: weightNorm 0 is computed from original0, original1, but the state has ",
            Assert.Single(refusal.Problems)
        );
        before.AssertUnchanged();
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Its_own_state_goes_in_again(string kind)
    {
        var (source, target) = (
            Joined.Of(kind).Register(Parametrizations.SpectralNorm()),
            Joined.Of(kind).Register(Parametrizations.SpectralNorm())
        );
        target.Module.load_parametrized_state_dict(source.Module.state_dict());
        source.Module.eval();
        target.Module.eval();
        Near.Same(source.Output(float32), target.Output(float32));

        using var file = new MemoryStream();
        source.Module.save(file);
        var third = Joined.Of(kind).Register(Parametrizations.SpectralNorm());
        third.Module.load(new MemoryStream(file.ToArray()));
        third.Module.eval();
        Near.Same(source.Output(float32), third.Output(float32));
    }

    [Fact]
    public void A_part_that_does_not_fit_changes_nothing()
    {
        var layer = nn.Linear(3, 4).register_parametrization(["weight", "bias"], new Doubling().Value);
        var before = Snapshot.Of(layer);
        Refused(("weight", ones(4, 3)), ("bias", ones(5)));
        Refused(("weight", ones(4, 3)));
        Refused(("weight", ones(4, 3, dtype: complex64)), ("bias", ones(4)));
        Refused(("weight", ones(4, 3) / 0), ("bias", ones(4)));

        void Refused(params (string Key, Tensor Value)[] state)
        {
            Assert.Throws<StateDictException>(() =>
                layer.load_parametrized_state_dict(state.ToDictionary(entry => entry.Key, entry => entry.Value))
            );
            before.AssertUnchanged();
        }
    }

    /// <summary>The largest piece, the right singular vectors, has the shape of the tensors one on top of the other.</summary>
    [Fact]
    public void A_named_value_tells_how_the_tensors_were_joined()
    {
        var layer = nn.LayerNorm([4, 4]);
        layer.register_parametrization(["weight", "bias"], Parametrizations.Conditioned(4));
        using var file = new MemoryStream();
        Safetensors.Save(file, layer);
        file.Position = 0;
        var plain = nn.LayerNorm([4, 4]);
        plain.load_parametrized_state_dict(Safetensors.Load(file));
        foreach (var (key, tensor) in layer.baked_state_dict())
            Near.Same(tensor, plain.state_dict()[key]);
    }

    [Fact]
    public void Plain_parts_are_converted()
    {
        var layer = nn.Linear(3, 4).register_parametrization(["weight", "bias"], new Doubling().Value);
        var state = new Dictionary<string, Tensor>
        {
            ["weight"] = ones(4, 3, dtype: float64),
            ["bias"] = arange(4, dtype: int64),
        };
        layer.load_parametrized_state_dict(state);
        using var value = layer.parametrization("weight").Value;
        Assert.Equal(float32, value.dtype);
        Near.Same(arange(4f), value[.., 3]);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Copies_share_nothing(bool isWhole)
    {
        var (source, target) = (Joined.Of("On top").Register(Parametrizations.Orthogonal()), Joined.Of("On top"));
        if (isWhole)
            parametrize.copy_parametrizations(source.Module, target.Module);
        else
            parametrize.transfer_parametrizations_and_params(source.Module, target.Module);
        using var value = source.Tensor.Value.detach();
        Near.Identical(value, target.Tensor.Value);
        using (no_grad())
            source.Tensor.parameters().Single().fill_(0.3);
        Near.Identical(value, target.Tensor.Value);
        target.Module.remove_parametrizations(target.Name);
        Near.Same(value, target.Join(target.Present));
    }

    [Fact]
    public void What_is_joined_otherwise_is_refused()
    {
        var (source, target) = (nn.RNNCell(4, 4), nn.RNNCell(4, 4));
        source.register_parametrization(["weight_ih", "weight_hh"], new Doubling().Value, dim: 0);
        target.register_parametrization(["weight_ih", "weight_hh"], new Doubling().Value, dim: 1);
        var before = Snapshot.Of(target);
        Assert.Throws<InvalidOperationException>(() => parametrize.copy_parametrizations(source, target));
        before.AssertUnchanged();
    }
}

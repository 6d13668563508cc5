using Parametrize.CSharp;
using Properties.CSharp.Adapters;
using Properties.CSharp.Support;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp.State;

/// <summary>The names of torch.nn.utils.weight_norm, spectral_norm and prune, before there were parametrizations.</summary>
public class LoadingOldNames
{
    private static readonly Dictionary<string, (string Value, (string New, string Old)[] Names)> Kinds = new()
    {
        ["weight norm"] = (
            "weightNorm 0",
            [("parametrizations.weight.original0", "weight_g"), ("parametrizations.weight.original1", "weight_v")]
        ),
        ["weight norm of columns"] = (
            "weightNorm 1",
            [("parametrizations.weight.original0", "weight_g"), ("parametrizations.weight.original1", "weight_v")]
        ),
        ["weight norm of the whole"] = (
            "weightNormWhole",
            [("parametrizations.weight.original0", "weight_g"), ("parametrizations.weight.original1", "weight_v")]
        ),
        ["spectral norm"] = (
            "spectralNorm",
            [
                ("parametrizations.weight.original", "weight_orig"),
                ("parametrizations.weight.0._u", "weight_u"),
                ("parametrizations.weight.0._v", "weight_v"),
            ]
        ),
        ["pruning"] = (
            "pruned (Pruning.Bernoulli(0.5, 7UL))",
            [("parametrizations.weight.original", "weight_orig"), ("parametrizations.weight.0.mask", "weight_mask")]
        ),
    };

    public static TheoryData<string> Names => [.. Kinds.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void The_corresponding_parametrization_takes_every_bit(string kind)
    {
        var (from, state) = Old(kind);
        var to = Models.Parametrized(Models.Values[Kinds[kind].Value]);
        to.load_parametrized_state_dict(state);
        foreach (var (key, tensor) in from.state_dict())
            Near.Identical(tensor, to.state_dict()[key]);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void A_plain_model_takes_the_value(string kind)
    {
        var (from, state) = Old(kind);
        var to = Models.Plain();
        to.load_parametrized_state_dict(state);
        Near.Same(Models.Weight(from), to.state_dict()["fc.weight"].detach(), 1e-12);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Another_parametrization_takes_the_value_if_it_is_allowed(string kind)
    {
        var (from, state) = Old(kind);
        var to = Models.Parametrized(Parametrizations.Bounded(-100, 100));
        to.load_parametrized_state_dict(state);
        Near.Same(Models.Weight(from), Models.Weight(to));

        var skew = Models.Parametrized(Parametrizations.Skew);
        var before = Snapshot.Of(skew);
        Assert.Single(Assert.Throws<StateDictException>(() => skew.load_parametrized_state_dict(state)).Problems);
        before.AssertUnchanged();
    }

    /// <summary>The magnitude's shape tells which dimension it is of.</summary>
    [Theory]
    [InlineData("weight norm", "weightNorm 1")]
    [InlineData("weight norm of columns", "weightNorm 0")]
    [InlineData("weight norm of columns", "weightNormWhole")]
    [InlineData("weight norm of the whole", "weightNorm 0")]
    public void Weight_norm_of_another_dimension_takes_the_value(string kind, string value)
    {
        var (from, state) = Old(kind);
        var to = Models.Parametrized(Models.Values[value]);
        to.load_parametrized_state_dict(state);
        Near.Same(Models.Weight(from), Models.Weight(to), 1e-12);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void A_file_without_a_model_tells_the_value(string kind)
    {
        var (from, state) = Old(kind);
        using var folder = new Folder();
        Safetensors.Save(folder.Tensors, state);
        using var saved = SavedModel.Load(folder.Tensors);
        var baked = saved.baked_state_dict();
        Assert.Equal(Models.Plain().state_dict().Keys.Order(), baked.Keys.Order());
        Near.Same(Models.Weight(from), baked["fc.weight"], 1e-12);
    }

    [Fact]
    public void Half_of_an_old_pair_is_missing_and_unexpected()
    {
        var (_, state) = Old("weight norm");
        state.Remove("fc.weight_v");
        var error = Assert.Throws<StateDictException>(() => Models.Plain().load_parametrized_state_dict(state));
        Assert.Equal(["fc.weight"], error.MissingKeys);
        Assert.Equal(["fc.weight_g"], error.UnexpectedKeys);
    }

    [Fact]
    public void A_tensor_that_is_really_called_so_is_that_tensor()
    {
        var model = new Named();
        var state = new Dictionary<string, Tensor> { ["weight_g"] = ones(1), ["weight_v"] = ones(2) };
        model.load_parametrized_state_dict(state);
        Near.Identical(ones(2), model.weight_v.detach());
    }

    private static (nn.Module From, Dictionary<string, Tensor> State) Old(string kind)
    {
        var (value, names) = Kinds[kind];
        var from = Models.Parametrized(Models.Values[value]);
        var state = Models
            .StateOf(from)
            .ToDictionary(
                pair => names.Aggregate(pair.Key, (key, name) => key == $"fc.{name.New}" ? $"fc.{name.Old}" : key),
                pair => pair.Value
            );
        Assert.DoesNotContain(state.Keys, key => key.Contains("parametrizations"));
        return (from, state);
    }

    private sealed class Named : nn.Module
    {
        public readonly TorchSharp.Modules.Parameter weight_g = nn.Parameter(zeros(1));
        public readonly TorchSharp.Modules.Parameter weight_v = nn.Parameter(zeros(2));

        public Named()
            : base(nameof(Named)) => RegisterComponents();
    }
}

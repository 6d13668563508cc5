using Parametrize;
using Parametrize.CSharp;
using Properties.CSharp.Support;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp.State;

/// <summary>A pruned model that is loaded into one that is pruned otherwise has the masks of the state, not only its numbers.</summary>
public class MasksComeFromTheState
{
    private static readonly Dictionary<string, Func<nn.Module, nn.Module>> Ways = new()
    {
        ["not yet"] = layer => Pruned(layer, Pruning.Nothing),
        ["once"] = layer => Pruned(layer, Pruning.NewL1(Amount.NewShare(0.5))),
        ["twice"] = layer => Pruned(Ways!["once"](layer), Pruning.NewL1(Amount.NewShare(0.5))),
        ["by a mask"] = layer =>
        {
            prune.custom_from_mask(layer, "weight", rand(4, 6).gt(0.4).to(float32));
            return layer;
        },
        ["by a mask, and once more"] = layer => Pruned(Ways!["by a mask"](layer), Pruning.NewL1(Amount.NewCount(2))),
        ["symmetric channels"] = layer => Pruned(layer, Pruning.NewRandomStructured(Amount.NewShare(0.5), 0, 3)),
    };

    private static nn.Module Pruned(nn.Module layer, Pruning pruning) =>
        layer.register_parametrization("weight", Parametrizations.Pruned(pruning));

    public static TheoryData<string, string> Pairs
    {
        get
        {
            var pairs = new TheoryData<string, string>();
            foreach (var saved in Ways.Keys)
            foreach (var loaded in Ways.Keys)
                pairs.Add(saved, loaded);
            return pairs;
        }
    }

    private static IReadOnlyDictionary<string, Tensor> Described(nn.Module layer)
    {
        var path = Path.Combine(Path.GetTempPath(), $"{Guid.NewGuid():N}.safetensors");
        Safetensors.Save(path, layer);
        var state = Safetensors.Load(path);
        File.Delete(path);
        return state;
    }

    [Theory, MemberData(nameof(Pairs))]
    public void Whatever_has_chosen_them(string saved, string loaded)
    {
        using var scope = NewDisposeScope();
        Seeded.Everywhere(7);
        var (from, to) = (Ways[saved](nn.Linear(6, 4)), Ways[loaded](nn.Linear(6, 4)));
        to.load_parametrized_state_dict(Described(from));
        Near.Identical(from.parametrization("weight").Value, to.parametrization("weight").Value);
        Near.Identical(from.buffers().Single(), to.buffers().Single());
        Near.Identical(from.parametrization("weight").Original, to.parametrization("weight").Original);

        // A pattern is part of the value, which has to tell what is computed.
        if (!loaded.StartsWith("by a mask", StringComparison.Ordinal))
            return;
        var pattern = to.parametrization("weight").Parametrization;
        using var value = to.parametrization("weight").Value.detach();
        Assert.True(pattern.Contains(value));
        to.remove_parametrizations("weight");
        to.register_parametrization("weight", pattern);
        Near.Identical(value, to.parametrization("weight").Value.detach());
    }

    [Fact]
    public void Behind_and_before_other_values()
    {
        using var scope = NewDisposeScope();
        Seeded.Everywhere(7);
        Parametrization Value(Pruning pruning) =>
            Parametrizations
                .Triangular(Triangle.Lower)
                .Then(Parametrizations.Pruned(pruning))
                .Then(Parametrizations.Scale(2));
        var from = nn.Linear(4, 4).register_parametrization("weight", Value(Pruning.NewBernoulli(0.5, 3)));
        var to = nn.Linear(4, 4).register_parametrization("weight", Value(Pruning.NewBernoulli(0.5, 4)));
        to.load_parametrized_state_dict(Described(from));
        Near.Identical(from.parametrization("weight").Value, to.parametrization("weight").Value);
        // Another scale is another value.
        var other = nn.Linear(4, 4)
            .register_parametrization(
                "weight",
                Parametrizations.Triangular(Triangle.Lower).Then(Parametrizations.Pruned(Pruning.Nothing))
            );
        var error = Assert.Throws<StateDictException>(() => other.load_parametrized_state_dict(Described(from)));
        Assert.Contains("convert: true", error.Message, StringComparison.Ordinal);
    }
}

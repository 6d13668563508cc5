using Parametrize.CSharp;
using Properties.CSharp.Support;
using TorchSharp;
using TorchSharp.Modules;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp.State;

/// <summary>A tensor that was assigned to a field waits for the next use; TorchSharp's own loading writes at once.</summary>
public class TheLastWriteWins
{
    /// <summary>A mask is loaded too, and others than its own tensors are then refused.</summary>
    public static TheoryData<string> Values => [.. Models.Values.Keys.Where(name => !name.StartsWith("pruned"))];

    [Theory]
    [MemberData(nameof(Values))]
    public void What_is_loaded_after_an_assignment_is_kept(string name)
    {
        var (layer, own, state, loaded) = Case(name);
        layer.weight = nn.Parameter(own.clone());
        layer.load_state_dict(state);
        Near.Same(loaded, layer.parametrization("weight").Value);
        Near.Same(loaded, Used(layer));
    }

    [Theory]
    [MemberData(nameof(Values))]
    public void What_is_assigned_after_loading_is_kept(string name)
    {
        var (layer, own, state, _) = Case(name);
        layer.weight = nn.Parameter(own.clone());
        layer.load_state_dict(state);
        layer.weight = nn.Parameter(own.clone());
        Near.Same(own, Used(layer));
    }

    [Theory]
    [MemberData(nameof(Values))]
    public void A_state_that_is_only_read_leaves_an_assignment_waiting(string name)
    {
        var (layer, own, state, _) = Case(name);
        layer.load_state_dict(state);
        layer.weight = nn.Parameter(own.clone());
        _ = layer.state_dict();
        Near.Same(own, Used(layer));
    }

    [Fact]
    public void An_assignment_that_moves_after_a_state_was_read_is_kept()
    {
        var layer = nn.Linear(4, 4).register_parametrization("weight", Parametrizations.Positive);
        var all = nn.Sequential(("layer", layer));
        layer.weight = nn.Parameter(full([4, 4], 3.0f));
        _ = all.state_dict();
        all.to(ScalarType.Float64);
        _ = all.state_dict();
        Near.Same(full([4, 4], 3.0, dtype: ScalarType.Float64), layer.parametrization("weight").Value);
    }

    /// <summary>A layer and its weight, a state of another such layer and the weight of that.</summary>
    private static (Linear Layer, Tensor Own, Dictionary<string, Tensor> State, Tensor Loaded) Case(string name)
    {
        var (layer, other) = (New(name), New(name));
        return (layer, Used(layer), Models.StateOf(other), Used(other));
    }

    private static Linear New(string name)
    {
        var layer = nn.Linear(4, 4, hasBias: false, dtype: ScalarType.Float64);
        layer.register_parametrization("weight", Models.Values[name]);
        layer.eval();
        return layer;
    }

    private static Tensor Used(Linear layer) => layer.call(eye(4, dtype: ScalarType.Float64)).T.detach();
}

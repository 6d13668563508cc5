using System.Text.Json;
using Parametrize.CSharp;
using Properties.CSharp.Support;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp.State;

/// <summary>The model that PyTorch has saved computes here what it computes there, by whichever way it comes.</summary>
public class GoldenModel
{
    private static readonly JsonElement Case = JsonDocument
        .Parse(File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "golden", "pytorch.json")))
        .RootElement.GetProperty("cases")
        .EnumerateArray()
        .Single(element => element.GetProperty("kind").GetString() == "model");

    private static readonly Dictionary<string, Parametrize.Parametrization> Maps = new()
    {
        ["fc1.weight"] = Parametrizations.Cayley(),
        ["fc2.weight"] = Parametrizations.WeightNorm(),
        ["fc3.weight"] = Parametrizations.Orthogonal(),
    };

    [Fact]
    public void Into_the_same_parametrizations()
    {
        var model = Network.Parametrized();
        model.load_parametrized_state_dict(State());
        AssertOutput(model);
    }

    [Fact]
    public void Through_a_file()
    {
        var file = Files.Saved(State());
        var model = Network.Parametrized();
        model.load_parametrized_state_dict(Files.Loaded(file));
        AssertOutput(model);
        Assert.Equal(file, Files.Saved(model.state_dict()));
    }

    [Fact]
    public void Into_a_plain_model()
    {
        var model = new Network();
        model.load_parametrized_state_dict(State(), parametrizations: Maps);
        AssertOutput(model);
    }

    [Fact]
    public void Baked_into_a_plain_model()
    {
        var (parametrized, plain) = (Network.Parametrized(), new Network());
        parametrized.load_parametrized_state_dict(State());
        plain.load_state_dict(parametrized.baked_state_dict());
        AssertOutput(plain);
    }

    [Fact]
    public void Baked_and_back_by_the_right_inverse()
    {
        var (first, second) = (Network.Parametrized(), Network.Parametrized());
        first.load_parametrized_state_dict(State());
        // Power iteration has not quite converged there: the kernel's norm is not quite 1.
        var state = first.baked_state_dict();
        foreach (var key in first.state_dict().Keys.Where(key => key.StartsWith("conv.parametrizations")))
            state[key] = first.state_dict()[key];
        state.Remove("conv.weight");
        second.load_parametrized_state_dict(state);
        AssertOutput(second);
    }

    private static Dictionary<string, Tensor> State() =>
        Case.GetProperty("state_dict")
            .EnumerateObject()
            .ToDictionary(entry => entry.Name, entry => TensorOf(entry.Value));

    private static void AssertOutput(Network model)
    {
        using var _ = no_grad();
        Near.Same(TensorOf(Case.GetProperty("output")), model.call(TensorOf(Case.GetProperty("input"))), 1e-9);
    }

    private static Tensor TensorOf(JsonElement json) =>
        tensor(json.GetProperty("data").EnumerateArray().Select(number => number.GetDouble()).ToArray())
            .reshape([.. json.GetProperty("shape").EnumerateArray().Select(length => length.GetInt64())]);
}

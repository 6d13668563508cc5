using Parametrize.CSharp;
using Properties.CSharp.Support;
using TorchSharp.Modules;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp.PyTorch;

/// <summary>Pruned layers: how they end, fail, and are saved.</summary>
public class TestPrunedModulesEnd
{
    public static TheoryData<string, string> Tensors => TestPruningModules.Tensors;

    private static nn.Module Layer(string kind) => TestPruningModules.Layer(kind);

    [Theory]
    [MemberData(nameof(Tensors))]
    public void test_remove_pruning_exception(string kind, string name)
    {
        var layer = Layer(kind);
        Assert.False(layer.is_pruned());
        Assert.Throws<ArgumentException>(() => prune.remove(layer, name));
    }

    [Theory]
    [MemberData(nameof(Tensors))]
    public void test_remove_pruning(string kind, string name)
    {
        var layer = Layer(kind);
        layer.random_unstructured(name, 0.5);
        Assert.True(layer.HasParameter($"parametrizations.{name}.original"));
        Assert.True(layer.HasBuffer($"parametrizations.{name}.0.mask"));
        Assert.False(layer.HasParameter(name));
        using var before = layer.Read(name);
        prune.remove(layer, name);
        Assert.Equal(["weight", "bias"], layer.state_dict().Keys);
        Near.Identical(before, layer.get_parameter(name)!);
    }

    [Theory]
    [MemberData(nameof(Tensors))]
    public void test_pruning_rollback(string kind, string name)
    {
        var layer = Layer(kind);
        var before = Snapshot.Of(layer);
        using var scores = ones(1, 1);
        Assert.Throws<ParametrizationException>(() => layer.l1_unstructured(name, 1_000));
        Assert.ThrowsAny<Exception>(() => layer.l1_unstructured(name, 0.9, scores));
        before.AssertUnchanged();
        Assert.False(layer.is_pruned());
    }

    [Fact]
    public void test_pruning_serialization_state_dict()
    {
        static Sequential Model() => nn.Sequential(nn.Linear(10, 10), nn.ReLU(), nn.Linear(10, 1));
        var (model, pruned, plain) = (Model(), Model(), Model());
        ((Linear)model[0]).l1_unstructured("weight", 0.9);
        Assert.Contains("0.parametrizations.weight.original", model.state_dict().Keys);
        Assert.Contains("0.parametrizations.weight.0.mask", model.state_dict().Keys);
        Assert.DoesNotContain("0.weight", model.state_dict().Keys);
        using var weight = model.Read("0.weight");

        prune.identity(pruned, "0.weight").load_state_dict(model.state_dict());
        Near.Identical(weight, pruned.Read("0.weight"));

        prune.remove(model, "0.weight");
        Assert.Equal(plain.state_dict().Keys, model.state_dict().Keys);
        plain.load_state_dict(model.state_dict());
        Near.Identical(weight, ((Linear)plain[0]).weight);
    }

    [Fact]
    public void test_rnn_pruning()
    {
        var lstm = nn.LSTM(4, 4);
        var names = lstm.named_parameters().Select(entry => entry.name).ToArray();
        lstm.l1_unstructured("weight_ih_l0", 0.5);
        Assert.Equal(names.Length, lstm.parameters().Count());
        Assert.False(lstm.HasParameter("weight_ih_l0"));
        using var weight = lstm.Read("weight_ih_l0");
        Assert.Equal(32, weight.Zeros());

        prune.remove(lstm, "weight_ih_l0");
        Assert.Equal(names, lstm.named_parameters().Select(entry => entry.name));
        Near.Identical(weight, lstm.get_parameter("weight_ih_l0")!);
    }
}

using Parametrize.CSharp;
using Properties.CSharp.Support;
using TorchSharp.Modules;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp.PyTorch;

/// <summary>Pruned layers: what they compute, train, save, and are afterwards.</summary>
public class TestPruningModules
{
    public static TheoryData<string, string> Tensors =>
        new()
        {
            { "Linear", "weight" },
            { "Linear", "bias" },
            { "Conv3d", "weight" },
            { "Conv3d", "bias" },
        };

    internal static nn.Module Layer(string kind) => kind == "Linear" ? nn.Linear(5, 7) : nn.Conv3d(2, 2, 2);

    private readonly Linear _layer = nn.Linear(5, 2);
    private readonly Tensor _ones = ones(1, 5);

    private static Tensor Mask(bool kept, Tensor like)
    {
        var mask = full_like(like, kept ? 1 : 0).detach();
        mask[1, 0] = kept ? 0 : 1;
        mask[0, 3] = kept ? 0 : 1;
        return mask;
    }

    [Theory]
    [MemberData(nameof(Tensors))]
    public void test_random_pruning_sizes(string kind, string name)
    {
        var layer = Layer(kind);
        var shape = layer.get_parameter(name)!.shape;
        layer.random_unstructured(name, 0.1);
        Assert.Equal(shape, layer.Original(name).shape);
        Assert.Equal(shape, layer.Mask(name).shape);
        Assert.Equal(shape, layer.Read(name).shape);
    }

    [Theory]
    [MemberData(nameof(Tensors))]
    public void test_random_pruning_orig(string kind, string name)
    {
        var layer = Layer(kind);
        using var before = layer.get_parameter(name)!.detach().clone();
        Near.Identical(before, layer.random_unstructured(name, 0.1).Original(name));
    }

    [Theory]
    [MemberData(nameof(Tensors))]
    public void test_random_pruning_new_weight(string kind, string name)
    {
        var layer = Layer(kind).random_unstructured(name, 0.4);
        Near.Same(layer.Original(name) * layer.Mask(name), layer.Read(name), 0);
        Assert.True(layer.Read(name).Zeros() > 0);
    }

    private void AssertNothingChangesBy(Action prune)
    {
        using var before = _layer.call(_ones);
        before.sum().backward();
        using var ofWeight = _layer.weight.grad!.clone();
        using var ofBias = _layer.bias!.grad!.clone();
        _layer.zero_grad();

        prune();
        using var after = _layer.call(_ones);
        Near.Identical(before, after);
        after.sum().backward();
        Near.Identical(ofWeight, _layer.Original().grad!);
        Near.Identical(ofBias, _layer.bias!.grad!);
        Near.Identical(_layer.call(_ones), _layer.call(_ones));
    }

    [Fact]
    public void test_identity_pruning() => AssertNothingChangesBy(() => prune.identity(_layer, "weight"));

    [Fact]
    public void test_random_pruning_0perc() => AssertNothingChangesBy(() => _layer.random_unstructured("weight", 0.0));

    [Fact]
    public void test_random_pruning()
    {
        using var mask = Mask(kept: true, _layer.weight);
        _layer.custom_from_mask("weight", mask);
        _layer.call(_ones).sum().backward();
        Near.Identical(mask, _layer.Original().grad!);
        Near.Identical(ones_like(_layer.bias!), _layer.bias!.grad!);

        using var before = _layer.Original().clone();
        optim.SGD(_layer.parameters(), 1).step();
        using var moved = _layer.Original().ne(before);
        Near.Identical(mask.to(ScalarType.Bool), moved);
    }

    [Fact]
    public void test_random_pruning_forward()
    {
        using var mask = Mask(kept: false, _layer.weight);
        _layer.custom_from_mask("weight", mask);
        var (y, w, b) = (_layer.call(_ones), _layer.Original(), _layer.bias!);
        Near.Same(w[0, 3] + b[0], y[0, 0]);
        Near.Same(w[1, 0] + b[1], y[0, 1]);
    }

    [Fact]
    public void test_remove_pruning_forward()
    {
        using var mask = Mask(kept: true, _layer.weight);
        _layer.custom_from_mask("weight", mask);
        using var before = _layer.call(_ones);
        prune.remove(_layer, "weight");
        Near.Identical(before, _layer.call(_ones));
    }

    [Fact]
    public void test_pruning_id_consistency()
    {
        var layer = nn.Linear(5, 2, hasBias: false);
        var own = layer.parameters().Single();
        layer.random_unstructured("weight", 0.9);
        Assert.Same(own, layer.parameters().Single());
        prune.remove(layer, "weight");
        Assert.Same(own, layer.parameters().Single());
    }

    [Fact]
    public void test_multiple_pruning_calls()
    {
        var layer = nn.Conv3d(2, 2, 2).l1_unstructured("weight", 0.1);
        using var first = layer.Mask().clone();
        layer.ln_structured("weight", 0.3, 2, 0).ln_structured("weight", 0.1, double.PositiveInfinity, 1);
        Assert.True(layer.Mask()[first.eq(0)].eq(0).all().item<bool>());
        var (_, pruned) = Assert.Single(layer.parametrizations());
        Assert.Equal(
            Parametrizations
                .PrunedL1(0.1)
                .Then(Parametrizations.PrunedLn(0.3, 2, 0))
                .Then(Parametrizations.PrunedLn(0.1, double.PositiveInfinity, 1)),
            pruned.Parametrization
        );
    }

    [Fact]
    public void test_ln_structured_pruning() => AssertLn(scored: false, channel: 1, column: 0);

    [Fact]
    public void test_ln_structured_pruning_importance_scores() => AssertLn(scored: true, channel: 0, column: 1);

    private static void AssertLn(bool scored, int channel, int column)
    {
        var layer = nn.Conv2d(3, 1, 2);
        using var values = tensor(new float[] { 1, 2, 1, 2.5f, 0.5f, 1, 0.1f, 0.1f, -3, -5, 0.1f, -1 });
        using var scores = tensor(new float[] { 10, 1, 10, 1, 30, 3, 30, 3, -20, -2, -20, -2 }).reshape(1, 3, 2, 2);
        using (no_grad())
            layer.weight.copy_(values.reshape(1, 3, 2, 2));
        using var expected = ones(1, 3, 2, 2);

        expected[.., channel] = 0;
        layer.ln_structured("weight", 1, 2, 1, scored ? scores : null);
        Near.Identical(expected, layer.Mask());
        expected[.., .., .., column] = 0;
        layer.ln_structured("weight", 1, 1, -1, scored ? scores : null);
        Near.Identical(expected, layer.Mask());
    }
}

using Parametrize;
using Parametrize.CSharp;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp.PyTorch;

/// <summary>Amounts and masks by hand, on tensors whose entries are known.</summary>
public class TestPruningAmounts
{
    /// <summary>A layer with a weight of 2 x 4.</summary>
    private static nn.Module Layer(params double[] entries) =>
        new PrunedModules.Weighted(tensor(entries).reshape(2, entries.Length / 2));

    private static readonly double[] OneToEight = [1, 2, 3, 4, 5, 6, 7, 8];
    private static readonly double[] UpAndDown = [1, 2, 3, 4, -4, -3, -2, -1];

    private static Tensor Rows(params double[] entries) => tensor(entries).reshape(2, entries.Length / 2);

    [Fact]
    public void test_validate_pruning_amount_init()
    {
        // An amount that is neither a number nor a share does not compile.
        foreach (var share in new[] { 1.1, 20.0, -0.1, double.NaN })
            Assert.Throws<ArgumentException>(() => Layer(OneToEight).l1_unstructured("weight", share));
        Assert.Throws<ArgumentException>(() => Layer(OneToEight).l1_unstructured("weight", -10));
        foreach (var amount in new Amount[] { 0.34, 1500, 0, 0.0, 1, 1.0 })
            Assert.NotNull(Parametrizations.PrunedL1(amount));
    }

    [Fact]
    public void test_validate_pruning_amount()
    {
        Assert.Throws<ParametrizationException>(() => Layer(OneToEight).random_unstructured("weight", 9));
        Assert.Equal(8, Layer(OneToEight).random_unstructured("weight", 8).Value().Zeros());
        Assert.Equal(0, Layer(OneToEight).random_unstructured("weight", 0).Value().Zeros());
    }

    [Theory]
    [InlineData(0, 15, 0)]
    [InlineData(10, 15, 10)]
    [InlineData(1, 15, 1)]
    [InlineData(1.0, 15, 15)]
    [InlineData(0.4, 17, 7)]
    public void test_compute_nparams_to_prune(object amount, int size, int expected)
    {
        var typed = amount is int count ? (Amount)count : (double)amount;
        var layer = new PrunedModules.Weighted(randn(size, dtype: ScalarType.Float64));
        Assert.Equal(expected, layer.l1_unstructured("weight", typed).Value().Zeros());
    }

    [Fact]
    public void test_l1_unstructured_pruning()
    {
        var layer = Layer(UpAndDown).l1_unstructured("weight", 2);
        Assert.Equal([0, 2, 3, 4, -4, -3, -2, 0], layer.Value().Entries());
        layer.l1_unstructured("weight", 2);
        Assert.Equal([0, 0, 3, 4, -4, -3, 0, 0], layer.Value().Entries());
    }

    [Fact]
    public void test_l1_unstructured_pruning_with_importance_scores()
    {
        using var scores = Rows(4, 2, 1, 3, -3, -1, -2, -4);
        var layer = Layer(UpAndDown).l1_unstructured("weight", 2, scores);
        Assert.Equal([1, 2, 0, 4, -4, 0, -2, -1], layer.Value().Entries());
        layer.l1_unstructured("weight", 2, scores);
        Assert.Equal([1, 0, 0, 4, -4, 0, 0, -1], layer.Value().Entries());
    }

    [Fact]
    public void test_unstructured_pruning_same_magnitude()
    {
        var layer = new PrunedModules.Weighted(full(10, 7, 2.0, dtype: ScalarType.Float64));
        Assert.Equal(14, layer.l1_unstructured("weight", 0.2).Value().Zeros());
    }

    [Fact]
    public void test_random_structured_pruning_amount()
    {
        var layer = PrunedModules.Random(5, 4, 2).random_structured("weight", 0.6, 2);
        using var pruned = layer.Mask().eq(0).sum([0L, 1L]);
        Assert.Equal([0, 20], pruned.Entries().Order());
    }

    /// <summary>A mask that is there already, and another pruning on top of it.</summary>
    private static double[] OnTopOf(Tensor mask, Action<nn.Module> prune)
    {
        var layer = Layer(OneToEight).custom_from_mask("weight", mask);
        prune(layer);
        return layer.Mask().Entries();
    }

    [Fact]
    public void test_pruning_container_compute_mask()
    {
        using var mask = Rows(1, 1, 1, 0, 1, 1, 0, 1);
        Assert.Equal([0, 0, 1, 0, 1, 1, 0, 1], OnTopOf(mask, layer => layer.l1_unstructured("weight", 2)));
        Assert.Equal([0, 0, 0, 0, 1, 1, 0, 1], OnTopOf(mask, layer => layer.ln_structured("weight", 1, 2, 0)));
        // 1, 5 | 2, 6 | 3 | 8: the third column is the smallest of what is left; of the whole tensor it is the first.
        Assert.Equal([1, 1, 0, 0, 1, 1, 0, 1], OnTopOf(mask, layer => layer.ln_structured("weight", 1, 2, 1)));
        using var all = Rows(OneToEight);
        Assert.Equal([0, 1, 1, 0, 0, 1, 0, 1], OnTopOf(mask, layer => layer.ln_structured("weight", 1, 2, 1, all)));
    }

    [Fact]
    public void test_custom_from_mask_pruning()
    {
        using var old = Rows(0, 0, 0, 0, 1, 1, 1, 1);
        using var more = Rows(0, 1, 1, 0, 0, 0, 1, 1);
        Assert.Equal([0, 0, 0, 0, 0, 0, 1, 1], OnTopOf(old, layer => layer.custom_from_mask("weight", more)));
    }

    [Fact]
    public void test_prune()
    {
        var pruned = Parametrizations.PrunedL1(2).Project(Rows(OneToEight));
        Assert.Equal([0, 0, 3, 4, 5, 6, 7, 8], pruned.Entries());
        using var mask = Rows(1, 1, 1, 0, 1, 1, 0, 1);
        var layer = Layer(OneToEight).custom_from_mask("weight", mask).l1_unstructured("weight", 2);
        Assert.Equal([0, 0, 3, 0, 5, 6, 0, 8], layer.Value().Entries());
    }

    [Fact]
    public void test_prune_importance_scores()
    {
        using var mask = Rows(1, 1, 1, 0, 1, 1, 0, 1);
        using var scores = Rows(1, 2, 3, 4, 1.5, 1.6, 1.7, 1.8);
        var expected = new double[] { 0, 1, 1, 0, 0, 1, 0, 1 };
        Assert.Equal(expected, OnTopOf(mask, layer => layer.l1_unstructured("weight", 2, scores)));
    }

    [Fact]
    public void test_prune_importance_scores_mimic_default()
    {
        using var mask = Rows(1, 1, 1, 0, 1, 1, 0, 1);
        using var same = Rows(OneToEight);
        Assert.Equal([0, 0, 1, 0, 1, 1, 0, 1], OnTopOf(mask, layer => layer.l1_unstructured("weight", 2, same)));
    }

    [Fact]
    public void test_global_pruning()
    {
        var (m, n) = (Layer(UpAndDown), new PrunedModules.Weighted(tensor(new double[] { 0, 0.1, -2 })));
        prune.global_unstructured([(m, "weight"), (n, "weight")], 4);
        Assert.Equal([0, 2, 3, 4, -4, -3, -2, 0], m.Value().Entries());
        Assert.Equal([0, 0, -2], n.Value().Entries());
    }

    [Fact]
    public void test_global_pruning_importance_scores()
    {
        var (m, n) = (Layer(UpAndDown), new PrunedModules.Weighted(tensor(new double[] { 0, 0.1, -2 })));
        var scores = new Dictionary<(nn.Module, string), Tensor>
        {
            [(m, "weight")] = Rows(4, 2, 1, 3, -3, -1, -2, -4),
            [(n, "weight")] = tensor(new[] { 0, 10.0, -0.2 }),
        };
        prune.global_unstructured([(m, "weight"), (n, "weight")], 4, scores);
        Assert.Equal([1, 2, 0, 4, -4, 0, -2, -1], m.Value().Entries());
        Assert.Equal([0, 0.1, 0], n.Value().Entries());
    }
}

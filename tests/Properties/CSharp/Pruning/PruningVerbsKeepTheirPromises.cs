using Parametrize;
using Parametrize.CSharp;
using Properties.CSharp.Support;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp;

/// <summary>Seeds, scores, training, `identity`, `is_pruned`, `remove`, and what is refused.</summary>
public class PruningVerbsKeepTheirPromises
{
    public static TheoryData<string> Verbs =>
        ["random", "l1", "random structured", "ln", "n_m", "mask", "up_to", "global"];

    internal static void Prune(string verb, nn.Module model, string name = "weight")
    {
        _ = verb switch
        {
            "random" => model.random_unstructured(name, 0.5),
            "l1" => model.l1_unstructured(name, 0.5),
            "random structured" => model.random_structured(name, 0.5, 0),
            "ln" => model.ln_structured(name, 0.5, 2, 1),
            "n_m" => model.n_m(name, 2, 4),
            "mask" => model.custom_from_mask(name, rand(8, 8).gt(0.5)),
            "up_to" => model.up_to(name, 0.5),
            _ => model,
        };
        if (verb == "global")
            prune.global_unstructured([(model, name)], 0.5);
    }

    [Theory]
    [MemberData(nameof(Verbs))]
    public void Zeros_stay_zero_through_training(string verb)
    {
        var layer = nn.Linear(8, 8);
        var optimizer = optim.Adam(layer.parameters(), 0.1, weight_decay: 0.5);
        Prune(verb, layer);
        using var zero = layer.Value().eq(0);
        using var before = layer.Value();
        using var x = randn(16, 8);
        for (var step = 0; step < 30; step++)
        {
            optimizer.zero_grad();
            (layer.call(x) - x).square().mean().backward();
            Assert.True(layer.parametrization("weight").parameters().Single().grad![zero].eq(0).all().item<bool>());
            optimizer.step();
        }
        Assert.True(zero.any().item<bool>());
        Assert.True(layer.Value()[zero].eq(0).all().item<bool>());
        Assert.True(layer.Value()[~zero].ne(before[~zero]).all().item<bool>());
    }

    [Theory]
    [MemberData(nameof(Verbs))]
    public void Forward_computes_with_the_pruned_tensor(string verb)
    {
        var layer = nn.Linear(8, 8);
        Prune(verb, layer);
        using var x = randn(3, 8);
        Near.Same(nn.functional.linear(x, layer.Value(), layer.bias), layer.call(x));
    }

    [Theory]
    [MemberData(nameof(Verbs))]
    public void Remove_makes_the_zeros_permanent(string verb)
    {
        var layer = nn.Linear(8, 8);
        var parameter = layer.weight;
        Prune(verb, layer);
        using var pruned = layer.Value();
        using var x = randn(3, 8);
        using var y = layer.call(x);

        Assert.Same(layer, prune.remove(layer, "weight"));

        Assert.False(layer.is_pruned());
        Assert.Same(parameter, layer.weight);
        Near.Identical(pruned, layer.weight!);
        Near.Same(y, layer.call(x));
        Assert.Equal(["weight", "bias"], layer.state_dict().Keys);
    }

    [Fact]
    public void One_seed_is_one_pattern()
    {
        Tensor Entries(ulong? seed) =>
            new PrunedModules.Weighted(ones(50)).random_unstructured("weight", 0.4, seed).Mask();
        Tensor Rows(ulong? seed) =>
            new PrunedModules.Weighted(ones(50, 2)).random_structured("weight", 0.4, 0, seed).Mask();

        foreach (var pattern in new[] { Entries, Rows })
        {
            Near.Identical(pattern(7), pattern(7));
            Near.Different(pattern(7), pattern(8));
            Near.Different(pattern(null), pattern(null));
            Seeded.Everywhere(3);
            using var first = pattern(null);
            Seeded.Everywhere(3);
            Near.Identical(first, pattern(null));
        }
    }

    [Fact]
    public void Random_patterns_hit_every_entry_alike()
    {
        var hits = zeros(10, dtype: ScalarType.Float64);
        for (var seed = 0UL; seed < 2000; seed++)
            using (NewDisposeScope())
                hits.add_(
                    1
                        - new PrunedModules.Weighted(ones(10, dtype: ScalarType.Float64))
                            .random_unstructured("weight", 3, seed)
                            .Mask()
                );
        // Binomial(2000, 0.3): six standard deviations are 123.
        Assert.All(hits.Entries(), count => Assert.InRange(count, 600 - 123, 600 + 123));
    }

    [Fact]
    public void Importance_scores_of_ones_own()
    {
        var scores = tensor(new double[] { 4, -3, 2, 1 });
        var module = PrunedModules.Of(1, 2, 3, 4).l1_unstructured("weight", 2, scores);
        Assert.Equal([1, 2, 0, 0], module.Value().Entries());
        module.l1_unstructured("weight", 1, scores);
        Assert.Equal([1, 0, 0, 0], module.Value().Entries());
    }

    [Fact]
    public void Importance_scores_of_channels_and_groups()
    {
        using var weight = tensor(new double[] { 1, 2, 3, 4 }).reshape(2, 2);
        using var scores = tensor(new double[] { 9, 8, 1, 10 }).reshape(2, 2);
        var rows = new PrunedModules.Weighted(weight).ln_structured("weight", 1, n: 1, dim: 0, scores);
        Assert.Equal([1, 2, 0, 0], rows.Value().Entries());
        var largest = new PrunedModules.Weighted(weight).ln_structured("weight", 1, double.PositiveInfinity, 0, scores);
        Assert.Equal([0, 0, 3, 4], largest.Value().Entries());
        var groups = new PrunedModules.Weighted(weight).n_m("weight", 1, 2, scores);
        Assert.Equal([1, 0, 0, 4], groups.Value().Entries());
    }

    [Fact]
    public void Infinite_scores_protect_and_those_that_are_no_numbers_are_refused()
    {
        using var weight = tensor(new double[] { 4, 1, 3, 2 }).reshape(2, 2);
        using var scores = tensor(new double[] { 5, 6, double.NegativeInfinity, 0 }).reshape(2, 2);
        var entries = new PrunedModules.Weighted(weight).l1_unstructured("weight", 3, scores);
        Assert.Equal([0, 0, 3, 0], entries.Value().Entries());
        var groups = new PrunedModules.Weighted(weight).n_m("weight", 1, 2, scores);
        Assert.Equal([0, 1, 3, 0], groups.Value().Entries());
        foreach (var n in new[] { 0.5, 1, 2, double.PositiveInfinity })
        {
            var rows = new PrunedModules.Weighted(weight).ln_structured("weight", 1, n, 0, scores);
            Assert.Equal([0, 0, 3, 2], rows.Value().Entries());
        }

        using var unknown = scores / 0 * 0;
        var refused = new PrunedModules.Weighted(weight);
        Assert.Throws<ArgumentException>(() => refused.l1_unstructured("weight", 1, unknown));
        Assert.False(refused.is_pruned());
    }

    [Fact]
    public void Scores_equal_to_the_tensor_change_nothing()
    {
        var module = nn.Linear(5, 5);
        using var weight = module.weight.detach().clone();
        var own = new PrunedModules.Weighted(weight).l1_unstructured("weight", 0.4, weight);
        Near.Identical(module.l1_unstructured("weight", 0.4).Mask(), own.Mask());
    }

    [Fact]
    public void Identity_prunes_nothing()
    {
        var module = nn.Linear(4, 4);
        using var before = module.weight.detach().clone();
        Assert.False(module.is_pruned());
        prune.identity(module, "weight");
        Assert.True(module.is_pruned());
        Near.Identical(before, module.Value());
        prune.identity(module, "weight").l1_unstructured("weight", 5);
        Assert.Equal(Parametrizations.PrunedL1(5L), module.parametrization("weight").Parametrization);
    }

    [Fact]
    public void Is_pruned_looks_inside_and_tells_other_parametrizations()
    {
        var model = nn.Sequential(("first", nn.Linear(4, 4)), ("last", nn.Linear(4, 4)));
        model.orthogonal("first.weight");
        Assert.False(model.is_pruned());
        model.l1_unstructured("last.weight", 0.5);
        Assert.True(model.is_pruned());
        prune.remove(model, "last.weight");
        Assert.False(model.is_pruned());

        var kernels = nn.Conv2d(2, 2, 2);
        kernels.register_parametrization("weight", Parametrizations.OnKernel(Parametrizations.PrunedGroups(2, 4)));
        Assert.True(kernels.is_pruned());
        Assert.Equal(8, kernels.Value().Zeros());
    }

    [Fact]
    public void Amounts_that_make_no_sense_are_refused()
    {
        var layer = nn.Linear(4, 4);
        var before = Snapshot.Of(layer);
        foreach (var amount in new Amount[] { -0.1, 1.1, double.NaN, -1 })
        {
            Assert.Throws<ArgumentException>(() => layer.random_unstructured("weight", amount));
            Assert.Throws<ArgumentException>(() => layer.l1_unstructured("weight", amount));
            Assert.Throws<ArgumentException>(() => layer.random_structured("weight", amount, 0));
            Assert.Throws<ArgumentException>(() => layer.ln_structured("weight", amount, 2, 0));
            Assert.Throws<ArgumentException>(() => prune.global_unstructured([(layer, "weight")], amount));
        }
        Assert.Throws<ArgumentException>(() => layer.up_to("weight", 1.5));
        Assert.Throws<ParametrizationException>(() => layer.l1_unstructured("weight", 17));
        Assert.Throws<ParametrizationException>(() => layer.random_unstructured("weight", 17));
        Assert.Throws<ParametrizationException>(() => layer.ln_structured("weight", 5, 2, 0));
        Assert.Throws<ParametrizationException>(() => layer.random_structured("weight", 5, 0));
        before.AssertUnchanged();
    }

    [Fact]
    public void Dimensions_norms_and_groups_that_make_no_sense_are_refused()
    {
        var layer = nn.Linear(4, 6);
        var before = Snapshot.Of(layer);
        foreach (var dim in new[] { 2, -3 })
        {
            var error = Assert.Throws<ParametrizationException>(() => layer.ln_structured("weight", 0.5, 2, dim));
            Assert.Contains($"dimension {dim}", error.Message);
            Assert.Throws<ParametrizationException>(() => layer.random_structured("weight", 0.5, dim));
        }
        Assert.Throws<ParametrizationException>(() => layer.random_structured("bias", 0.5, 0)); // no channels
        Assert.Throws<ArgumentException>(() => layer.ln_structured("weight", 0.5, double.NaN, 0));
        Assert.Throws<ParametrizationException>(() => layer.n_m("weight", 2, 3));
        Assert.Throws<ArgumentException>(() => layer.n_m("weight", 5, 4));
        Assert.Throws<ArgumentException>(() => layer.n_m("weight", -1, 4));
        Assert.Throws<ArgumentException>(() => layer.n_m("weight", 0, 0));
        before.AssertUnchanged();
    }

    [Fact]
    public void Masks_and_scores_that_do_not_suit_are_refused()
    {
        var layer = nn.Linear(4, 6);
        var before = Snapshot.Of(layer);
        Assert.Throws<ParametrizationException>(() => layer.custom_from_mask("weight", ones(4, 6)));
        Assert.Throws<ArgumentException>(() => layer.l1_unstructured("weight", 0.5, ones(4, 6)));
        Assert.Throws<ArgumentException>(() => layer.l1_unstructured("weight", 0.5, full(6, 4, double.NaN)));
        Assert.Throws<ArgumentException>(() => layer.l1_unstructured("weight", 25, ones(6, 4)));
        Assert.Throws<ArgumentException>(() => layer.l1_unstructured("nothing", 0.5));
        before.AssertUnchanged();

        layer.l1_unstructured("weight", 0.5);
        var pruned = Snapshot.Of(layer);
        Assert.Throws<ArgumentException>(() => layer.l1_unstructured("weight", 0.5, ones(4, 6)));
        Assert.Throws<ParametrizationException>(() => layer.custom_from_mask("weight", ones(4, 6)));
        pruned.AssertUnchanged();
    }

    [Fact]
    public void What_is_not_pruned_cannot_be_removed()
    {
        var layer = nn.Linear(4, 4).orthogonal();
        Assert.Throws<ArgumentException>(() => prune.remove(layer, "weight"));
        Assert.Throws<ArgumentException>(() => prune.remove(layer, "bias"));
        Assert.Throws<ArgumentException>(() => prune.remove(layer, "nothing"));
        Assert.True(layer.is_parametrized("weight"));
    }
}

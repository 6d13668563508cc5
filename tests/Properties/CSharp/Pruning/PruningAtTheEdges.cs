using Parametrize;
using Parametrize.CSharp;
using Properties.CSharp.Support;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp;

/// <summary>Tensors that are frozen, empty, strided, buffers, of other types; amounts and norms at their ends.</summary>
public class PruningAtTheEdges
{
    public static TheoryData<string> Verbs => PruningVerbsKeepTheirPromises.Verbs;

    [Theory]
    [MemberData(nameof(Verbs))]
    public void A_frozen_parameter_stays_frozen(string verb)
    {
        var layer = nn.Linear(8, 8);
        layer.weight.requires_grad = false;
        PruningVerbsKeepTheirPromises.Prune(verb, layer);
        Assert.False(layer.parametrization("weight").parameters().Single().requires_grad);
        Assert.False(layer.Value().requires_grad);
        prune.remove(layer, "weight");
        Assert.False(layer.weight.requires_grad);
    }

    [Fact]
    public void Masks_may_be_of_any_type_and_stride()
    {
        using var mask = tensor(new[] { 1, 0, 0, 1, 1, 0 }).reshape(2, 3);
        using var columns = mask.t().contiguous().t();
        using var wide = cat([mask, mask], 1);
        Assert.False(columns.is_contiguous());
        foreach (
            var given in new[]
            {
                mask.to(ScalarType.Bool),
                mask.to(ScalarType.Byte),
                mask.to(ScalarType.Float16),
                mask.to(ScalarType.ComplexFloat32),
                columns,
                wide[.., 3..],
            }
        )
        {
            var layer = nn.Linear(3, 2).custom_from_mask("weight", given);
            Near.Identical(mask.to(ScalarType.Float32), layer.Mask());
        }
        // Entries that are neither kept nor pruned would be taken for something in silence.
        Assert.Throws<ArgumentException>(() => nn.Linear(3, 2).custom_from_mask("weight", mask.mul(-2.5)));
    }

    [Fact]
    public void Masks_that_broadcast_are_their_entries()
    {
        using var row = tensor(new[] { 1f, 0, 1 }).expand(2, 3);
        Near.Identical(row.contiguous(), nn.Linear(3, 2).custom_from_mask("weight", row).Mask());
        Assert.Throws<ParametrizationException>(() => nn.Linear(3, 2).custom_from_mask("weight", row[0]));
    }

    [Theory]
    [InlineData(0, 3)]
    [InlineData(3, 0)]
    [InlineData(0, 0)]
    public void Empty_tensors_are_refused(int rows, int columns)
    {
        using var scores = zeros(rows, columns);
        foreach (
            var prune in new Action<nn.Module>[]
            {
                layer => layer.l1_unstructured("weight", 0.5),
                layer => layer.random_unstructured("weight", 0.5),
                layer => layer.ln_structured("weight", 0.5, 2, 0),
                layer => layer.ln_structured("weight", 0.5, double.PositiveInfinity, 1),
                layer => layer.random_structured("weight", 0.5, 0),
                layer => layer.up_to("weight", 0.5),
                layer => layer.custom_from_mask("weight", scores),
                layer => layer.l1_unstructured("weight", 0.5, scores),
                layer => layer.ln_structured("weight", 0.5, double.PositiveInfinity, 0, scores),
                layer => layer.n_m("weight", 1, 1, scores),
                layer => Parametrize.CSharp.prune.global_unstructured([(layer, "weight")], 0.5),
                layer =>
                    Parametrize.CSharp.prune.global_unstructured([(nn.Linear(2, 2), "weight"), (layer, "weight")], 0.5),
            }
        )
        {
            var layer = new PrunedModules.Weighted(zeros(rows, columns));
            var error = Record.Exception(() => prune(layer));
            Assert.True(error is ParametrizationException or ArgumentException, $"{error}");
            Assert.Contains("entries", error.Message);
            Assert.False(layer.is_pruned());
        }
    }

    [Fact]
    public void Scalars_have_one_entry_and_no_channels()
    {
        var scalar = new PrunedModules.Weighted(tensor(3.0));
        Assert.Throws<ParametrizationException>(() => scalar.random_structured("weight", 1, 0));
        Assert.Equal(0, scalar.l1_unstructured("weight", 1).Value().item<double>());
    }

    [Theory]
    [InlineData(ScalarType.Float16)]
    [InlineData(ScalarType.BFloat16)]
    [InlineData(ScalarType.Float64)]
    [InlineData(ScalarType.ComplexFloat32)]
    public void Channels_of_every_element_type(ScalarType dtype)
    {
        foreach (var n in new[] { 0, 0.5, 1, 2, double.PositiveInfinity })
        {
            var module = new PrunedModules.Weighted(arange(1, 9).reshape(4, 2).to(dtype));
            module.ln_structured("weight", 1, n, 0).ln_structured("weight", Amount.NewUpTo(0.75), n, -2);
            Assert.Equal(3, module.Value().abs().ZeroChannels(0));
        }
    }

    [Fact]
    public void The_power_0_counts_entries_other_than_0()
    {
        using var weight = tensor(new double[] { 9, 0, 0, 1, 1, 1, 5, 5, 0 }).reshape(3, 3);
        var layer = new PrunedModules.Weighted(weight).ln_structured("weight", 1, 0, 0);
        Assert.Equal([0, 0, 0, 1, 1, 1, 5, 5, 0], layer.Value().Entries());
        layer.ln_structured("weight", 1, 0, 0);
        Assert.Equal([0, 0, 0, 1, 1, 1, 0, 0, 0], layer.Value().Entries());
    }

    [Fact]
    public void Infinite_norms_are_largest_entries()
    {
        using var weight = tensor(new double[] { 3, 3, 3, 0, 0, 4 }).reshape(2, 3);
        var largest = new PrunedModules.Weighted(weight).ln_structured("weight", 1, double.PositiveInfinity, 0);
        Assert.Equal([0, 0, 0, 0, 0, 4], largest.Value().Entries());
        var sums = new PrunedModules.Weighted(weight).ln_structured("weight", 1, 1, 0);
        Assert.Equal([3, 3, 3, 0, 0, 0], sums.Value().Entries());
    }

    [Fact]
    public void All_and_none_of_what_is_left()
    {
        var layer = PrunedModules.Random(4, 4).ln_structured("weight", 1.0, 2, 0);
        Assert.Equal(16, layer.Value().Zeros());
        // Nothing is left: a share of it is nothing, a count is refused.
        layer.l1_unstructured("weight", 1.0).ln_structured("weight", 0.5, 2, 1).random_structured("weight", 0, 0);
        var before = Snapshot.Of(layer);
        Assert.Throws<ParametrizationException>(() => layer.random_unstructured("weight", 1));
        Assert.Throws<ParametrizationException>(() => layer.ln_structured("weight", 1, 2, 1));
        before.AssertUnchanged();
    }

    [Fact]
    public void Random_verbs_draw_from_the_global_generator()
    {
        foreach (
            var prune in new Action<nn.Module>[]
            {
                layer => layer.random_unstructured("weight", 0.5),
                layer => layer.random_structured("weight", 0.5, 0),
            }
        )
        {
            Tensor Mask()
            {
                Seeded.Everywhere(5);
                var layer = new PrunedModules.Weighted(ones(30, 4));
                prune(layer);
                prune(layer);
                return layer.Mask();
            }
            Near.Identical(Mask(), Mask());
        }
    }

    [Fact]
    public void Buffers_are_pruned_too()
    {
        var norm = nn.BatchNorm1d(4);
        norm.l1_unstructured("running_var", 0.5);
        Assert.Equal(2, norm.parametrization("running_var").Value.Zeros());
        Assert.Equal(2, norm.parameters().Count());
        prune.remove(norm, "running_var");
        Assert.False(norm.is_pruned());
    }

    [Fact]
    public void Behind_other_parametrizations_zeros_are_pruned_or_refused()
    {
        foreach (string verb in Verbs)
        {
            var layer = nn.Linear(8, 8).register_parametrization("weight", Parametrizations.WeightNorm());
            PruningVerbsKeepTheirPromises.Prune(verb, layer);
            Assert.True(layer.Value().Zeros() > 0);
            prune.remove(layer, "weight"); // with all that constrains the tensor
            Assert.False(layer.is_parametrized());

            layer.orthogonal();
            var before = Snapshot.Of(layer);
            Assert.ThrowsAny<Exception>(() => PruningVerbsKeepTheirPromises.Prune(verb, layer));
            before.AssertUnchanged();
        }
    }

    [Fact]
    public void No_tensors_at_all_are_refused_under_the_name_of_the_argument() =>
        Assert.Throws<ArgumentException>("parameters", () => prune.global_unstructured([], 0.5));

    /// <summary>By whichever name it is found.</summary>
    [Fact]
    public void One_tensor_that_is_named_twice_is_refused()
    {
        var layer = nn.Linear(4, 4);
        var model = nn.Sequential(("layer", layer));
        var error = Assert.Throws<ArgumentException>(
            "parameters",
            () => prune.global_unstructured([(model, "layer.weight"), (layer, "weight")], 0.5)
        );
        Assert.StartsWith("Linear.weight is listed twice", error.Message);
        Assert.False(layer.is_parametrized());
    }

    [Fact]
    public void Scores_that_do_not_fit_are_refused_under_the_name_of_the_argument()
    {
        var layer = nn.Linear(4, 4);
        var scores = ones(2, 2);
        Assert.Throws<ArgumentException>("importance_scores", () => layer.l1_unstructured("weight", 0.5, scores));
        Assert.Throws<ArgumentException>("importance_scores", () => layer.n_m("weight", 2, 4, scores));
        Assert.Throws<ArgumentException>("importance_scores", () => layer.up_to("weight", 0.5, scores));
        Assert.Throws<ArgumentException>(
            "importance_scores",
            () => layer.ln_structured("weight", 0.5, 2, 0, importance_scores: scores)
        );
        Assert.Throws<ArgumentException>(
            "importance_scores",
            () =>
                prune.global_unstructured(
                    [(layer, "weight")],
                    0.5,
                    new Dictionary<(nn.Module, string), Tensor> { [(layer, "weight")] = scores }
                )
        );
    }

    [Theory]
    [InlineData("pruned (Pruning.L1 (Amount.Count 3L))")]
    [InlineData("positive >>> pruned (Pruning.L1 (Amount.Count 3L))")]
    [InlineData("scale 2.0 >>> pruned (Pruning.L1 (Amount.Count 3L))")]
    [InlineData("pruned (Pruning.L1 (Amount.Count 3L)) >>> scale 2.0")]
    [InlineData("transposed (pruned (Pruning.L1 (Amount.Count 3L)))")]
    public void A_projected_assignment_keeps_the_mask(string code)
    {
        var layer = nn.Linear(3, 2);
        using (no_grad())
            layer.weight.copy_(tensor(new float[] { 6, 5, 4, 1, 2, 3 }).reshape(2, 3));
        layer.register_parametrization("weight", Parametrizations.Parse(code), WhenNotAllowed.Project);
        var parametrized = layer.parametrization("weight");
        Assert.Equal([1, 1, 1, 0, 0, 0], parametrized.Value.ne(0).Entries());
        parametrized.Assign(tensor(new float[] { 1, 2, 3, 6, 5, 4 }).reshape(2, 3), WhenNotAllowed.Project);
        Assert.Equal([1, 1, 1, 0, 0, 0], parametrized.Value.ne(0).Entries());
    }
}

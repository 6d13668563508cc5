using FsCheck;
using FsCheck.Fluent;
using FsCheck.Xunit;
using Parametrize;
using Parametrize.CSharp;
using Properties.CSharp.Support;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp;

/// <summary>Several tensors as if they were one.</summary>
public class PruningGlobally
{
    private static (nn.Module, string)[] Weights(params nn.Module[] modules) =>
        [.. modules.Select(module => (module, "weight"))];

    [Property(MaxTest = 50)]
    public Property All_together_lose_the_share() =>
        Prop.ForAll(
            (
                from sizes in Gen.Choose(1, 30).ArrayOf().Where(sizes => sizes.Length > 0)
                from percent in Gen.Choose(0, 100)
                from random in ArbMap.Default.GeneratorFor<bool>()
                select (sizes, percent, random)
            ).ToArbitrary(),
            drawn =>
            {
                var modules = drawn.sizes.Select(size => PrunedModules.Random(size)).ToArray();
                var before = modules.Select(module => module.weight.Entries()).ToArray();
                var share = drawn.percent / 100.0;
                var method = drawn.random ? Pruning.NewRandom(share, 5) : Pruning.NewL1(share);

                prune.global_unstructured(Weights(modules), method);

                var expected = (long)Math.Round(share * drawn.sizes.Sum(), MidpointRounding.ToEven);
                Assert.Equal(expected, modules.Sum(module => module.Value().Zeros()));
                var kept = modules.SelectMany(module => module.Mask().Entries()).ToArray();
                var sizes = before.SelectMany(entries => entries).Select(Math.Abs).ToArray();
                var largestPruned = sizes.Where((_, i) => kept[i] == 0).DefaultIfEmpty(0).Max();
                var smallestKept = sizes.Where((_, i) => kept[i] != 0).DefaultIfEmpty(double.MaxValue).Min();
                Assert.True(drawn.random || largestPruned < smallestKept);
            }
        );

    [Fact]
    public void Large_tensors_keep_what_small_ones_lose()
    {
        var (small, large) = (PrunedModules.Of(0.1, 0.2, 0.3, 0.4), PrunedModules.Of(1, 2, 3, 4));
        prune.global_unstructured(Weights(small, large), 0.5);
        Assert.Equal([0, 0, 0, 0], small.Value().Entries());
        Assert.Equal([1, 2, 3, 4], large.Value().Entries());
    }

    [Fact]
    public void A_second_time_takes_from_what_is_left_everywhere()
    {
        var (first, second) = (PrunedModules.Of(1, 3, 5, 7), PrunedModules.Of(2, 4, 6, 8));
        second.l1_unstructured("weight", 2); // 2 and 4
        prune.global_unstructured(Weights(first, second), 0.5); // of 1 3 5 6 7 8
        Assert.Equal([0, 0, 0, 7], first.Value().Entries());
        Assert.Equal([0, 0, 6, 8], second.Value().Entries());
    }

    [Fact]
    public void Scores_replace_the_tensors_they_are_given_for()
    {
        var (first, second) = (PrunedModules.Of(1, 2), PrunedModules.Of(3, 4));
        var scores = new Dictionary<(nn.Module, string), Tensor>
        {
            [(first, "weight")] = tensor(new double[] { 9, 3.5 }),
        };
        prune.global_unstructured(Weights(first, second), 2, scores);
        Assert.Equal([1, 0], first.Value().Entries());
        Assert.Equal([0, 4], second.Value().Entries());
    }

    [Fact]
    public void A_module_or_a_name_that_is_null_is_named_by_its_place()
    {
        var module = PrunedModules.Of(1, 2);
        (nn.Module, string)[][] lists =
        [
            [(module, "weight"), (null!, "weight")],
            [(module, "weight"), (module, null!)],
        ];
        foreach (var list in lists)
        {
            var refusal = Assert.Throws<ArgumentException>(() => prune.global_unstructured(list, 1));
            Assert.StartsWith("parameters[1]: the module or the name is null.", refusal.Message);
            Assert.Equal("parameters", refusal.ParamName);
            Assert.False(module.is_parametrized("weight"));
        }
    }

    [Fact]
    public void Tensors_of_several_shapes_element_types_and_modules()
    {
        var model = nn.Sequential(
            ("conv", nn.Conv2d(1, 4, 3)),
            ("flatten", nn.Flatten()),
            ("linear", nn.Linear(16, 3, dtype: ScalarType.Float64))
        );
        (nn.Module, string)[] all = [(model, "conv.weight"), (model, "linear.weight"), (model, "linear.bias")];
        prune.global_unstructured(all, 0.4);
        Assert.Equal(
            (long)Math.Round(0.4 * (36 + 48 + 3)),
            model.modules().OfType<ParametrizedTensor>().Sum(tensor => tensor.Value.Zeros())
        );
        Assert.True(model.is_pruned());
    }

    [Fact]
    public void All_or_none()
    {
        var good = nn.Linear(4, 4);
        good.call(randn(2, 4)).sum().backward();
        var pruned = nn.Linear(4, 4).l1_unstructured("weight", 3);
        var bad = nn.Linear(4, 4);
        using (no_grad())
            bad.weight[0, 0] = double.NaN;
        var before = new[] { Snapshot.Of(good), Snapshot.Of(pruned), Snapshot.Of(bad) };
        var scores = new Dictionary<(nn.Module, string), Tensor> { [(bad, "weight")] = ones(4, 4) };

        Assert.Throws<ParametrizationException>(() =>
            prune.global_unstructured(Weights(good, pruned, bad), 0.5, scores)
        );

        Assert.All(before, snapshot => snapshot.AssertUnchanged());
        Assert.NotNull(good.weight.grad);
    }

    [Fact]
    public void A_tensor_whose_constraint_has_no_room_for_zeros_prunes_none()
    {
        var (good, orthogonal) = (nn.Linear(4, 4), nn.Linear(4, 4).orthogonal());
        Assert.Throws<ParametrizationException>(() => prune.global_unstructured(Weights(good, orthogonal), 0.5));
        Assert.False(good.is_parametrized());
    }

    [Fact]
    public void What_makes_no_sense_is_refused()
    {
        var module = PrunedModules.Of(1, 2);
        Assert.Throws<ArgumentException>(() => prune.global_unstructured([], 0.5));
        Assert.Throws<ArgumentException>(() => prune.global_unstructured(Weights(module, module), 0.5));
        Assert.Throws<ArgumentException>(() => prune.global_unstructured(Weights(module), 3));
        Assert.Throws<ArgumentException>(() => prune.global_unstructured(Weights(module), 1.5));
        Assert.Throws<ArgumentException>(() => prune.global_unstructured(Weights(module), Pruning.NewLn(0.5, 2, 0)));
        var custom = Pruning.NewCustom(Mask.OfTensor(ones(module.weight!.shape)));
        Assert.Throws<ArgumentException>(() => prune.global_unstructured(Weights(module), custom));
        Assert.Throws<ArgumentException>(() =>
            prune.global_unstructured(
                Weights(module),
                0.5,
                new Dictionary<(nn.Module, string), Tensor> { [(module, "weight")] = ones(3) }
            )
        );
        Assert.Throws<ArgumentException>(() =>
            prune.global_unstructured(
                Weights(module),
                0.5,
                new Dictionary<(nn.Module, string), Tensor> { [(module, "bias")] = ones(2) }
            )
        );
        Assert.Throws<ArgumentException>(() => prune.global_unstructured([(module, "bias")], 0.5));
        Assert.False(module.is_pruned());
    }
}

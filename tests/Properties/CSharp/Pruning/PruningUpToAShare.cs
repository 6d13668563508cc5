using FsCheck;
using FsCheck.Fluent;
using FsCheck.Xunit;
using Parametrize;
using Parametrize.CSharp;
using Properties.CSharp.Support;
using TorchSharp;
using TorchSharp.Modules;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp;

/// <summary>Whatever chooses: a share of all is reached exactly, pruned stays pruned, and once more is nothing.</summary>
public class PruningUpToAShare
{
    /// <summary>Weights of which some are large, so that a choice over all of them differs from one in each.</summary>
    private static Sequential Model(IEnumerable<long[]> shapes) =>
        nn.Sequential([
            .. shapes.Select(
                (shape, i) =>
                    (
                        $"layer{i}",
                        (nn.Module<Tensor, Tensor>)
                            new PrunedModules.Weighted((i + 1) * randn(shape, dtype: ScalarType.Float64))
                    )
            ),
        ]);

    private static long Expected(double share, long all) => (long)Math.Round(share * all, MidpointRounding.ToEven);

    private static readonly Gen<long[]> Shapes = Gen.Choose(1, 8)
        .ArrayOf(2)
        .Select(shape => shape.Select(size => (long)size).ToArray());

    private static Arbitrary<(PruningWay Way, long[][] Shapes, double[] Shares)> Runs =>
        (
            from way in Gen.Elements(PruningWay.Every)
            from shapes in Shapes.ArrayOf(3)
            from shares in Gen.OneOf(
                    Gen.Elements(0.0, 0.25, 0.5, 1.0),
                    Gen.Choose(0, 1000).Select(thousandths => thousandths / 1000.0)
                )
                .ArrayOf(5)
            select (way, shapes, shares)
        ).ToArbitrary();

    [Property(MaxTest = 200)]
    public Property Every_share_is_reached_exactly_and_never_left() =>
        Prop.ForAll(
            Runs,
            run =>
            {
                var (way, shapes, shares) = run;
                var model = Model(shapes);
                var weights = model
                    .children()
                    .Select(layer => layer.get_parameter("weight")!.detach().clone())
                    .ToList();
                var before = weights.ConvertAll(weight => ones_like(weight));
                var reached = 0.0;
                foreach (var share in shares)
                {
                    way.Prune(model, Amount.NewUpTo(share));
                    reached = Math.Max(reached, share);

                    var masks = model.children().Select(layer => layer.Mask().clone()).ToList();
                    var (all, pruned) = (weights.ConvertAll(way.All), masks.ConvertAll(way.Pruned));
                    if (way.Together)
                        Assert.Equal(Expected(reached, all.Sum()), pruned.Sum());
                    else
                        Assert.Equal(all.ConvertAll(count => Expected(reached, count)), pruned);
                    Assert.All(before.Zip(masks), pair => Near.Identical(pair.Second, pair.First * pair.Second));
                    foreach (var (layer, weight) in model.children().Zip(weights))
                        PrunedModules.KeepsTheRest(weight, layer);
                    before = masks;
                }
            }
        );

    [Property(MaxTest = 200)]
    public Property A_share_that_is_reached_changes_nothing() =>
        Prop.ForAll(
            Runs,
            run =>
            {
                var (way, shapes, shares) = run;
                var model = Model(shapes);
                way.Prune(model, Amount.NewUpTo(shares.Max()));
                var before = Snapshot.Of(model);
                var values = Values(model);
                foreach (var share in shares)
                    way.Prune(model, Amount.NewUpTo(share));
                before.AssertUnchanged();
                Assert.Equal(values, Values(model));
            }
        );

    private static Parametrization[] Values(Sequential model) =>
        [.. model.children().Select(layer => layer.parametrization("weight").Parametrization)];

    [Property]
    public Property Going_there_in_steps_is_going_there_at_once() =>
        Prop.ForAll(
            Runs,
            run =>
            {
                var (way, shapes, shares) = run;
                // Other seeds are other patterns, and masks of one's own remember no shares.
                if (way.Name is "random" or "random channels" || way.Together || way.Name.EndsWith("scores"))
                    return;
                var (slow, fast) = (Model(shapes), Model(shapes));
                foreach (var (from, to) in slow.parameters().Zip(fast.parameters()))
                    using (no_grad())
                        to.copy_(from);
                foreach (var share in shares)
                    way.Prune(slow, Amount.NewUpTo(share));
                way.Prune(fast, Amount.NewUpTo(shares.Max()));
                Assert.All(Values(slow), value => Assert.DoesNotContain(">>>", $"{value}"));
                foreach (var (slower, faster) in slow.children().Zip(fast.children()))
                    Near.Identical(faster.Mask(), slower.Mask());
            }
        );

    [Property]
    public Property One_schedule_drives_every_way() =>
        Prop.ForAll(
            Gen.Elements(PruningWay.Every).ToArbitrary(),
            way =>
            {
                var schedule = PruningSchedule.Cubic(0.1, 0.8, beginStep: 3, endStep: 20, frequency: 4);
                var model = Model([
                    [5, 6],
                    [10, 2],
                ]);
                for (var step = 3; step < 25; step++)
                {
                    Assert.Equal(Amount.NewUpTo(schedule.ShareAt(step)), schedule.AmountAt(step));
                    way.Prune(model, schedule.AmountAt(step));
                    var masks = model.children().Select(layer => layer.Mask()).ToList();
                    var all = masks.ConvertAll(way.All);
                    var expected = way.Together
                        ? Expected(schedule.ShareAt(step), all.Sum())
                        : all.Sum(count => Expected(schedule.ShareAt(step), count));
                    Assert.Equal(expected, masks.Sum(way.Pruned));
                }
            }
        );

    [Fact]
    public void What_is_computed_on_the_way_is_disposed()
    {
        static long Live() => DisposeScopeManager.Statistics.TensorStatistics.ThreadTotalLiveCount;
        foreach (var way in PruningWay.Every)
        {
            var model = Model([
                [4, 4],
                [2, 3],
            ]);
            way.Prune(model, Amount.NewUpTo(0));
            var before = Live();
            foreach (var share in new[] { 0.3, 0.3, 0.6, 0.2, 1 })
                way.Prune(model, Amount.NewUpTo(share));
            Assert.True(before == Live(), $"{way}: {before}, then {Live()}");
        }
    }

    [Fact]
    public void Shares_that_make_no_sense_are_refused_whatever_is_reached()
    {
        foreach (var way in PruningWay.Every)
        {
            var model = Model([
                [4, 4],
                [2, 3],
            ]);
            foreach (var start in new[] { false, true })
            {
                if (start)
                    way.Prune(model, Amount.NewUpTo(1.0));
                var before = Snapshot.Of(model);
                foreach (var share in new[] { -0.5, 1.5, double.NaN })
                    Assert.Throws<ArgumentException>(() => way.Prune(model, Amount.NewUpTo(share)));
                before.AssertUnchanged();
            }
        }
    }

    [Fact]
    public void Dimensions_are_refused_whatever_is_reached()
    {
        var layer = PrunedModules.Random(4, 4).up_to("weight", 1);
        foreach (var dim in new[] { 2, -3 })
            Assert.Throws<ParametrizationException>(() => layer.ln_structured("weight", Amount.NewUpTo(0.5), 2, dim));
    }

    [Fact]
    public void A_model_where_one_tensor_does_not_suit_is_not_pruned()
    {
        var model = Model([
            [4, 4],
            [2, 3],
        ]);
        using (no_grad())
            model.parameters().Last()[0, 0] = double.NaN;
        var before = Snapshot.Of(model);
        foreach (var way in PruningWay.Every.Where(way => way.Together || way.Name.StartsWith("model")))
        {
            Assert.ThrowsAny<Exception>(() => way.Prune(model, Amount.NewUpTo(0.5)));
            before.AssertUnchanged();
        }
    }

    [Fact]
    public void What_others_have_pruned_counts()
    {
        var rows = new PrunedModules.Weighted(arange(1, 13).reshape(4, 3).to(ScalarType.Float64));
        rows.custom_from_mask("weight", tensor(new[] { 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0 }).reshape(4, 3));
        rows.ln_structured("weight", Amount.NewUpTo(0.5), 1, 0); // the last row is pruned, the third is not
        Assert.Equal([0, 0, 0, 4, 5, 6, 7, 8, 0, 0, 0, 0], rows.Value().Entries());

        var (first, second) = (PrunedModules.Of(1, 2, 3, 4), PrunedModules.Of(5, 6, 7, 8));
        second.l1_unstructured("weight", 3);
        prune.global_unstructured([(first, "weight"), (second, "weight")], Amount.NewUpTo(0.5));
        Assert.Equal([0, 2, 3, 4], first.Value().Entries());
        Assert.Equal([0, 0, 0, 8], second.Value().Entries());
    }

    [Fact]
    public void Up_to_is_a_name_for_entries_of_smallest_modulus()
    {
        Assert.Equal(Pruning.NewL1(Amount.NewUpTo(0.5)), Pruning.NewUpTo(0.5));
        Assert.Equal("(Pruning.UpTo 0.5)", Pruning.NewUpTo(0.5).ToString());
        Assert.Equal("(Amount.UpTo 0.5)", Amount.NewUpTo(0.5).ToString());
        Assert.Equal(
            "pruned (Pruning.Ln((Amount.UpTo 0.5), 2.0, 0))",
            Parametrizations.PrunedLn(Amount.NewUpTo(0.5), 2, 0).ToString()
        );
    }

    [Fact]
    public void A_share_that_is_reached_together_leaves_every_tensor_with_a_mask()
    {
        var (first, second, third) = (nn.Linear(4, 4), nn.Linear(4, 4), nn.Linear(4, 4));
        first.l1_unstructured("weight", 1.0);
        prune.global_unstructured([(first, "weight"), (second, "weight"), (third, "weight")], Amount.NewUpTo(0.2));
        Assert.True(second.is_pruned());
        Assert.True(third.is_pruned());
    }
}

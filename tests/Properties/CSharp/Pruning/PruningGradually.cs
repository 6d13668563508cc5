using FsCheck;
using FsCheck.Fluent;
using FsCheck.Xunit;
using Parametrize;
using Parametrize.CSharp;
using Properties.CSharp.Support;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp;

/// <summary>The share rises along the cubic of Zhu and Gupta, and pruned entries stay pruned.</summary>
public class PruningGradually
{
    private static Arbitrary<PruningSchedule> Schedules =>
        (
            from shares in Gen.Choose(0, 1000).ArrayOf(2)
            from steps in Gen.Choose(0, 60).ArrayOf(2)
            from every in Gen.Choose(1, 20)
            select PruningSchedule.Cubic(shares.Min() / 1000.0, shares.Max() / 1000.0, steps.Min(), steps.Max(), every)
        ).ToArbitrary();

    [Property]
    public Property The_share_rises_to_the_final_one_and_stays() =>
        Prop.ForAll(
            Schedules,
            schedule =>
            {
                var shares = Enumerable.Range(0, 80).Select(step => schedule.ShareAt(step)).ToArray();
                Assert.All(shares.Zip(shares.Skip(1)), pair => Assert.True(pair.First <= pair.Second));
                Assert.All(shares.Take((int)schedule.BeginStep), share => Assert.Equal(0, share));
                Assert.All(shares.Skip((int)schedule.EndStep), share => Assert.Equal(schedule.FinalShare, share));
                for (var step = 1; step < shares.Length; step++)
                    Assert.True(schedule.IsUpdate(step) || shares[step] == shares[step - 1]);
            }
        );

    [Fact]
    public void At_updates_it_is_equation_1()
    {
        var schedule = PruningSchedule.Cubic(0.1, 0.9, beginStep: 100, endStep: 500, frequency: 100);
        Assert.Equal(0, schedule.ShareAt(99));
        for (var update = 0; update <= 4; update++)
        {
            var left = Math.Pow(1 - update * 100 / (4 * 100.0), 3);
            Assert.Equal(0.9 + (0.1 - 0.9) * left, schedule.ShareAt(100 + 100 * update), 12);
            Assert.True(schedule.IsUpdate(100 + 100 * update));
        }
        Assert.Equal(schedule.ShareAt(200), schedule.ShareAt(299));
        Assert.False(schedule.IsUpdate(299) || schedule.IsUpdate(0) || schedule.IsUpdate(600));
    }

    [Fact]
    public void It_is_a_value()
    {
        var schedule = PruningSchedule.Cubic(0, 0.9, 0, 100, 10);
        Assert.Equal(PruningSchedule.Cubic(0, 0.9, 0, 100, 10), schedule);
        Assert.NotEqual(PruningSchedule.Cubic(0, 0.9, 0, 100, 20), schedule);
        Assert.Equal("PruningSchedule.Cubic(0.0, 0.9, 0L, 100L, 10L)", schedule.ToString());
    }

    [Fact]
    public void Followed_while_training_it_prunes_more_and_never_less()
    {
        Seeded.Everywhere(1);
        var layer = nn.Linear(20, 20);
        var optimizer = optim.Adam(layer.parameters(), 0.05, weight_decay: 0.1);
        var schedule = PruningSchedule.Cubic(0.2, 0.85, beginStep: 5, endStep: 40, frequency: 5);
        using var x = randn(32, 20);
        using var y = randn(32, 20);
        var pruned = zeros(20, 20, dtype: ScalarType.Bool);

        for (var step = 0; step < 50; step++)
        {
            optimizer.zero_grad();
            (layer.call(x) - y).square().mean().backward();
            optimizer.step();
            layer.follow("weight", schedule, step);
            if (step < 5)
            {
                Assert.False(layer.is_pruned());
                continue;
            }
            var now = layer.Value().eq(0);
            Assert.Equal((long)Math.Round(schedule.ShareAt(step) * 400), now.sum().item<long>());
            Assert.True(now.logical_or(pruned).eq(now).all().item<bool>());
            pruned = now;
        }

        Assert.Equal(340, layer.Value().Zeros());
        Assert.Equal(Parametrizations.PrunedUpTo(0.85), layer.parametrization("weight").Parametrization);
    }

    [Fact]
    public void Steps_may_be_left_out()
    {
        var schedule = PruningSchedule.Cubic(0, 0.5, 0, 100, 10);
        var module = PrunedModules.Random(100);
        module.follow("weight", schedule, 47).follow("weight", schedule, 1000);
        Assert.Equal(50, module.Value().Zeros());
    }

    /// <summary>A misspelled name would be found thousands of steps later.</summary>
    [Fact]
    public void What_cannot_be_pruned_is_refused_before_the_schedule_begins()
    {
        var schedule = PruningSchedule.Cubic(0, 0.5, beginStep: 1000, endStep: 2000, frequency: 10);
        var layer = nn.Linear(4, 3);
        Assert.Throws<ArgumentException>(() => layer.follow("wieght", schedule, 0));
        Assert.Throws<ArgumentException>(() => layer.follow("weight", schedule, 0, ones(3, 3)));
        Assert.Throws<ArgumentNullException>("name", () => layer.follow(null!, schedule, 0));
        Assert.Throws<ArgumentNullException>("module", () => prune.follow<nn.Module>(null!, "weight", schedule, 0));
        Assert.Same(layer, layer.follow("weight", schedule, 0));
        Assert.False(layer.is_pruned());
    }

    [Fact]
    public void Up_to_counts_what_is_pruned_already()
    {
        var module = PrunedModules.Of(1, 2, 3, 4, 5, 6, 7, 8, 9, 10);
        module.custom_from_mask("weight", tensor(new[] { 1, 1, 1, 1, 1, 1, 1, 1, 1, 0 }));
        module.up_to("weight", 0.3);
        Assert.Equal([0, 0, 3, 4, 5, 6, 7, 8, 9, 0], module.Value().Entries());
        module.up_to("weight", 0.2);
        Assert.Equal([0, 0, 3, 4, 5, 6, 7, 8, 9, 0], module.Value().Entries());
        module.up_to("weight", 0.4, importance_scores: arange(10, 0, -1));
        Assert.Equal([0, 0, 3, 4, 5, 6, 7, 8, 0, 0], module.Value().Entries());
    }

    [Theory]
    [InlineData(-0.1, 0.5, 0, 10, 1)]
    [InlineData(0.5, 1.1, 0, 10, 1)]
    [InlineData(0.5, 0.4, 0, 10, 1)]
    [InlineData(0, double.NaN, 0, 10, 1)]
    [InlineData(0, 0.5, 10, 0, 1)]
    [InlineData(0, 0.5, -1, 10, 1)]
    [InlineData(0, 0.5, 0, 10, 0)]
    public void Schedules_that_make_no_sense_are_refused(double from, double to, long first, long last, long every) =>
        Assert.Throws<ArgumentException>(() => PruningSchedule.Cubic(from, to, first, last, every));
}

using Parametrize.CSharp;
using ScottPlot;
using Showcase.Experiments;
using Showcase.Report;

namespace Showcase.Copying;

/// <summary>The copying problem with orthogonal kernels, with twins that start equal, and with one that starts as layers do.</summary>
internal sealed class CopyingExperiment : IExperiment
{
    private const double Chance = 1.0 / CopyingData.Alphabet;

    private static readonly double[] LearningRates = [3e-4, 1e-3, 3e-3];

    public string Name => "copying";

    public string Description =>
        "recalling ten symbols after 1,000 steps, with orthogonal recurrent kernels and without";

    public Outcome Run(Setting setting)
    {
        var trainer = new CopyingTrainer(setting.Choose(1000, 30), setting.Choose(60, 2), setting.Seed);
        IReadOnlyList<Kernel> kernels =
        [
            .. LearningRates.Select(rate => new Kernel("orthogonal", Parametrizations.Cayley(), rate)),
            .. LearningRates.Select(rate => new Kernel("unconstrained", Parametrizations.Identity, rate)),
            new("usual start", Parametrizations.Identity, LearningRates[0], StartsOrthogonal: false),
        ];
        var results = setting.Compare(kernels, kernel => kernel.Title, trainer.Train);

        var (orthogonal, plain) = (
            results.Take(LearningRates.Length).ToList(),
            results.Skip(LearningRates.Length).ToList()
        );
        var last = LearningRates.Length - 1;
        return new(
            [
                "kernel",
                "learning rate",
                "recalled",
                "cross entropy",
                "max |W^T W - I|",
                "growth over the wait",
                "ms per step",
            ],
            [.. results.Select(result => result.Row)],
            $"At the largest learning rate the orthogonal kernel recalls {orthogonal[last].Recalled:0.0%} of the symbols, its unconstrained twin "
                + $"{plain[last].Recalled:0.0%}, at the smallest {orthogonal[0].Recalled:0.0%} and {plain[0].Recalled:0.0%}; "
                + $"one with the usual start {plain[^1].Recalled:0.0%}, guessing {Chance:0.0%}.",
            [
                Goal.AtLeast(
                    "share of symbols recalled by an orthogonal kernel",
                    orthogonal.Max(result => result.Recalled),
                    0.99
                ),
                Goal.AtLeast("the same at the largest learning rate", orthogonal[last].Recalled, 0.8),
                Goal.AtMost("distance from orthogonal", orthogonal.Max(result => result.Distance), 1e-5),
            ],
            [Draw([orthogonal[last], plain[last], plain[0], plain[^1]])]
        );
    }

    private static Plot Draw(IEnumerable<CopyingResult> results)
    {
        var chance = Math.Log(CopyingData.Alphabet);
        // Larger losses would hide the others.
        var most = 1.3 * chance;
        var lines = results.Select(result =>
            (result.Kernel.Title, Curves.Numbered(result.Losses.Select(loss => Math.Min(loss, most))))
        );
        var plot = Curves.Draw(
            "Cross entropy of recalled symbols",
            "steps of training",
            Alignment.UpperRight,
            [.. lines]
        );
        plot.Axes.SetLimitsY(0, 2.2 * chance);
        return plot;
    }
}

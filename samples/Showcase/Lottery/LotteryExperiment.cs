using Parametrize;
using Samples.Data;
using ScottPlot;
using Showcase.Experiments;
using Showcase.Report;
using static TorchSharp.torch;

namespace Showcase.Lottery;

/// <summary>Tickets of what training has made large, and random ones.</summary>
internal sealed class LotteryExperiment : IExperiment
{
    // Half of what is left goes in each round.
    private const double Pruned = 0.5;

    public string Name => "lottery";

    public string Description => "lottery tickets by iterative magnitude pruning with rewinding, and random tickets";

    public Outcome Run(Setting setting)
    {
        using var data = DigitsData.Load(CPU);
        var rounds = setting.Choose(7, 1);
        var tickets = new Tickets(data, setting);
        (string Name, Func<int, int, Pruning> Criterion)[] ways =
        [
            ("ticket", (_, _) => Pruning.NewL1(Pruned)),
            ("random ticket", (seed, round) => Pruning.NewRandom(Pruned, (ulong)(1000 * seed + round))),
        ];
        var seeds = setting.Choose(4, 1);
        var runs = setting.CompareSeeds(
            ways,
            way => way.Name,
            seeds,
            (way, seed, report) => tickets.Run(seed, rounds, round => way.Criterion(seed, round), report)
        );
        var (ticket, random) = (Means(runs[0]), Means(runs[1]));
        return new(
            ["weights left", .. ways.Select(way => way.Name)],
            [.. ticket.Zip(random, (a, b) => (a, b)).Select((pair, round) => Row(round, pair.a, pair.b))],
            $"With {Left(rounds):0.0%} of the weights, tickets recognise {ticket[^1]:0.0%} of the images, random ones {random[^1]:0.0%}; "
                + $"the whole net recognises {ticket[0]:0.0%}. All are means of {seeds} seed{(seeds == 1 ? "" : "s")}.",
            [Goal.AtLeast("accuracy of the smallest tickets above random ones", ticket[^1] - random[^1], 0.1)],
            [
                Draw(
                    rounds,
                    (ways[0].Name, Curves.Numbered(ticket, first: 0)),
                    (ways[1].Name, Curves.Numbered(random, first: 0))
                ),
            ]
        );
    }

    private static Plot Draw(int rounds, params IReadOnlyList<(string, IReadOnlyList<(double, double)>)> lines)
    {
        var plot = Curves.Draw("Accuracy on test images", "weights left", Alignment.LowerLeft, lines);
        var ticks = Enumerable.Range(0, rounds + 1).ToList();
        plot.Axes.Bottom.SetTicks(
            [.. ticks.Select(round => (double)round)],
            [.. ticks.Select(round => $"{Left(round):0.#%}")]
        );
        return plot;
    }

    private static double Left(int round) => Math.Pow(1 - Pruned, round);

    private static string[] Row(int round, params IEnumerable<double> accuracies) =>
        [$"{Left(round):0.0%}", .. accuracies.Select(accuracy => $"{accuracy:0.0%}")];

    private static IReadOnlyList<double> Means(IReadOnlyList<IReadOnlyList<double>> runs) =>
        [.. runs[0].Select((_, round) => runs.Average(run => run[round]))];
}

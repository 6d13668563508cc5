using Samples.Data;
using ScottPlot;
using Showcase.Experiments;
using Showcase.Report;
using static TorchSharp.torch;

namespace Showcase.Compress;

/// <summary>Errors and sizes of nets of low rank, and of small nets.</summary>
internal sealed class CompressExperiment : IExperiment
{
    public string Name => "compress";

    public string Description =>
        "the error of a net whose weights have low rank, and of unconstrained nets of its size";

    public Outcome Run(Setting setting)
    {
        using var data = DigitsData.Load(CPU);
        long[] ranks = setting.IsQuick ? [4] : [2, 4, 6, 8, 12, 16];
        var compressor = new Compressor(data, setting);
        var runs = setting.Compare(
            [.. Enumerable.Range(setting.Seed, setting.Choose(3, 1))],
            seed => $"seed {seed}",
            (seed, report) => compressor.Run(ranks, seed, report)
        );
        var full = runs.Average(run => run.Full);
        var results = ranks.Select((_, index) => Mean([.. runs.Select(run => run.Results[index])])).ToList();
        var best = results.Find(result => result.TrainedOn <= full + 0.01) ?? results[^1];
        return new(
            ["rank", "numbers", "of the net", "cut", "cut, then trained", "small net"],
            [
                .. results.Select(result =>
                    Row($"{result.Rank}", result.Size, result.Cut, result.TrainedOn, result.Small)
                ),
                Row("any", Compressor.FullSize, full, full, full),
            ],
            $"Rank {best.Rank} takes {Share(best.Size):0.0%} of the numbers and errs on {best.TrainedOn:0.0%} of the images, the whole net on {full:0.0%}, "
                + $"an unconstrained net of that size on {best.Small:0.0%}; all are means of {runs.Count} seed{(runs.Count == 1 ? "" : "s")}.",
            [
                Goal.AtMost("error above that of the whole net", best.TrainedOn - full, 0.01),
                Goal.AtMost("share of the numbers for that", Share(best.Size), 0.15),
            ],
            [
                Curves
                    .Draw(
                        "Error of test images",
                        "numbers",
                        Alignment.UpperRight,
                        ("cut to a rank", Points(results, result => result.Cut)),
                        ("cut, then trained", Points(results, result => result.TrainedOn)),
                        ("small net of the size", Points(results, result => result.Small))
                    )
                    .WithPowersOfTen(-3, 0),
            ]
        );
    }

    private static double Share(long size) => (double)size / Compressor.FullSize;

    private static string[] Row(string rank, long size, params IEnumerable<double> errors) =>
        [rank, $"{size:n0}", $"{Share(size):0.0%}", .. errors.Select(error => $"{error:0.0%}")];

    private static CompressResult Mean(IReadOnlyList<CompressResult> results) =>
        results[0] with
        {
            Cut = results.Average(result => result.Cut),
            TrainedOn = results.Average(result => result.TrainedOn),
            Small = results.Average(result => result.Small),
        };

    private static IReadOnlyList<(double, double)> Points(
        IEnumerable<CompressResult> results,
        Func<CompressResult, double> error
    ) => [.. results.Select(result => ((double)result.Size, Math.Log10(error(result))))];
}

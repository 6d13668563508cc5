using Parametrize;
using Parametrize.CSharp;
using Samples.Data;
using ScottPlot;
using Showcase.Experiments;
using Showcase.Report;
using static TorchSharp.torch;

namespace Showcase.Metric;

/// <summary>Nearest neighbours by a learnt metric, and by a symmetric matrix that need not be one.</summary>
internal sealed class MetricExperiment : IExperiment
{
    public string Name => "metric";

    public string Description =>
        "nearest neighbours in uneven light, by a learnt positive definite metric and by any symmetric matrix";

    public Outcome Run(Setting setting)
    {
        using var data = DigitsData.Load(CPU);
        using var images = data.All();
        var trainer = new MetricTrainer(images);
        var steps = setting.Choose(200, 3);
        var seeds = setting.Choose(5, 1);
        (string Name, Parametrization Value, int Steps)[] ways =
        [
            ("positive definite", Parametrizations.Spd(), steps),
            ("symmetric", Parametrizations.Symmetric, steps),
            ("Euclidean", Parametrizations.Identity, 0),
        ];
        var runs = setting.CompareSeeds(
            ways,
            way => way.Name,
            seeds,
            (way, seed, report) => trainer.Train(way.Value, way.Steps, seed, report)
        );
        var means = ways.Zip(runs, (way, results) => (way.Name, Mean: MetricResult.Mean(results))).ToList();
        var (metric, symmetric, euclidean) = (means[0].Mean, means[1].Mean, means[2].Mean);
        return new(
            ["matrix", "recognised", "smallest eigenvalue", "of them negative"],
            [
                .. means.Select(entry =>
                    (string[])
                        [
                            entry.Name,
                            $"{entry.Mean.Accuracy:0.0%}",
                            $"{entry.Mean.Eigenvalues[0]:0.000}",
                            $"{entry.Mean.Negative} of {entry.Mean.Eigenvalues.Count}",
                        ]
                ),
            ],
            $"The learnt metric recognises {metric.Accuracy:0.0%}, the symmetric matrix {symmetric.Accuracy:0.0%}, Euclid's metric {euclidean.Accuracy:0.0%}; "
                + $"{symmetric.Negative} eigenvalues of the symmetric matrix are negative, and a metric has none. All are means of {seeds} seed{(seeds == 1 ? "" : "s")}.",
            [
                Goal.AtLeast("accuracy above that of Euclid's metric", metric.Accuracy - euclidean.Accuracy, 0.3),
                Goal.AtMost("number of negative eigenvalues", metric.Negative, 0),
            ],
            [
                Curves.Draw(
                    "Eigenvalues",
                    "from the smallest on",
                    Alignment.UpperLeft,
                    [.. means.Select(entry => (entry.Name, Curves.Numbered(entry.Mean.Eigenvalues)))]
                ),
            ]
        );
    }
}

using Parametrize;
using Parametrize.CSharp;
using Samples.Data;
using Samples.Training;
using ScottPlot;
using Showcase.Experiments;
using Showcase.Nets;
using Showcase.Report;
using static TorchSharp.torch;

namespace Showcase.Lipschitz;

/// <summary>Classifiers with layers that lengthen nothing, and one with layers that may.</summary>
internal sealed class LipschitzExperiment : IExperiment
{
    /// <summary>How far images are moved; a pixel has a number from 0 to 1.</summary>
    public const double Radius = 0.25;

    private const int AttackSteps = 30;

    // Scores of a 1-Lipschitz net differ little: the cross entropy would ask for ever larger ones.
    private const double Temperature = 8;

    public string Name => "lipschitz";

    public string Description => "classifiers with certified radii, by 1-Lipschitz layers and without";

    public Outcome Run(Setting setting)
    {
        using var data = DigitsData.Load(CPU);
        var results = setting.Compare<(string Name, Parametrization Value), RobustResult>(
            [
                ("orthogonal", Parametrizations.Orthogonal()),
                ("aol", Parametrizations.Aol),
                ("unconstrained", Parametrizations.Identity),
            ],
            weights => weights.Name,
            (weights, report) => Train(weights.Name, weights.Value, data, setting, report)
        );
        var (orthogonal, plain) = (results[0], results[^1]);
        return new(
            [
                "weights",
                "accuracy",
                "Lipschitz bound",
                "median radius",
                $"certified at {Radius}",
                $"withstood at {Radius}",
                "broken certificates",
            ],
            [.. results.Select(result => result.Row)],
            $"Moved by up to {Radius}, {orthogonal.Certified(Radius):0.0%} of the images are recognised for sure by orthogonal layers, "
                + $"{plain.Certified(Radius):0.0%} by unconstrained ones; the median radius is {orthogonal.MedianRadius:0.000} "
                + $"against {plain.MedianRadius:0.000}, the accuracy {orthogonal.Accuracy:0.0%} against {plain.Accuracy:0.0%}.",
            [
                Goal.AtLeast($"accuracy of orthogonal layers", orthogonal.Accuracy, 0.95),
                Goal.AtLeast($"certified accuracy at {Radius}", orthogonal.Certified(Radius), 0.7),
                Goal.AtMost("number of broken certificates", results.Sum(result => result.Broken), 0),
            ],
            [
                Curves.Draw(
                    "Certified accuracy",
                    "how far images are moved",
                    Alignment.UpperRight,
                    [.. results.Select(result => (result.Weights, Points(result)))]
                ),
            ]
        );
    }

    private static RobustResult Train(
        string name,
        Parametrization value,
        DigitsData data,
        Setting setting,
        SideBySide.Report report
    )
    {
        var epochs = setting.Choose(80, 1);
        using var net = SideBySide.Draw(setting.Seed, () => new RobustNet(value));
        new Training(epochs, 2e-3, setting.Seed) { Criterion = Criterion }.Run(
            net,
            data.Train,
            (epoch, loss) => report(epoch, epochs, $"loss {loss:0.000}")
        );
        net.eval();
        return Measure(name, net, data.Test);
    }

    private static Tensor Criterion(Tensor scores, Tensor labels) =>
        nn.functional.cross_entropy(scores * Temperature, labels);

    private static RobustResult Measure(string name, RobustNet net, LabelledImages images)
    {
        using var scope = NewDisposeScope();
        var radii = Certificates.Radii(net, images);
        var inside = Certificates.Withstand(net, images, radii * 0.999, AttackSteps);
        var withstood = Certificates.Withstand(net, images, full_like(radii, Radius), AttackSteps);
        return new(
            name,
            Classification.Accuracy(net, images),
            net.Bound(),
            [.. radii.to(float64).data<double>().Order()],
            withstood.to(float64).mean().item<double>(),
            (inside.logical_not() & (radii > 0)).sum().item<long>()
        );
    }

    private static IReadOnlyList<(double, double)> Points(RobustResult result) =>
        [
            .. Enumerable
                .Range(0, 101)
                .Select(index => index / 100.0)
                .Select(radius => (radius, result.Certified(radius))),
        ];
}

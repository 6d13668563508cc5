using Parametrize;
using Parametrize.CSharp;
using Samples.Data;
using Samples.Report;
using Samples.Training;
using ScottPlot;
using Showcase.Experiments;
using Showcase.Nets;
using Showcase.Report;
using static TorchSharp.torch;

namespace Showcase.Gan;

/// <summary>Generators of digits, trained against a spectrally normalised discriminator and a plain one.</summary>
internal sealed class GanExperiment : IExperiment
{
    private const int JudgeHidden = 128;

    /// <summary>Norms of 1 would leave the hinge loss too little room.</summary>
    private static readonly Parametrization SpectralNormOfTwo = Parametrizations
        .SpectralNorm()
        .Then(Parametrizations.Scale(2));

    public string Name => "gan";

    public string Description => "generators of digits against a spectrally normalised discriminator and a plain one";

    public Outcome Run(Setting setting)
    {
        using var scope = NewDisposeScope();
        using var data = DigitsData.Load(CPU);
        using var judge = SideBySide.Draw(setting.Seed, () => new DenseNet(JudgeHidden));
        new Training(setting.Choose(20, 1), 2e-3, setting.Seed).Run(judge, data.Train);

        var trainer = new GanTrainer(data.Train, judge, setting.Choose(2000, 10), setting.Seed);
        var results = setting.Compare<(string Name, Parametrization Value), GanResult>(
            [("spectral norm", SpectralNormOfTwo), ("unconstrained", Parametrizations.Identity)],
            weights => weights.Name,
            (weights, report) => trainer.Train(weights.Name, weights.Value, report)
        );
        var (normal, plain) = (results[0], results[1]);
        var held = Moments.Of(data.Train.Pixels).DistanceTo(Moments.Of(data.Test.Pixels));
        return new(
            ["discriminator", "Fréchet distance", "least on the way", "digits of 10"],
            [.. results.Select(result => result.Row)],
            $"The Fréchet distance of samples from the digits is {normal.Distance:0.00} with spectral norms, {plain.Distance:0.00} without; "
                + $"that of digits which were left out {held:0.00}.",
            [
                Goal.AtMost("distance with spectral norms", normal.Distance, 1),
                Goal.AtLeast("number of digits", normal.Digits, 9),
            ],
            [
                DigitsPanel.Of("digits", data.Train.Pixels),
                .. results.Select(result => result.Samples),
                Curves.Draw(
                    "Fréchet distance from the digits",
                    "steps",
                    Alignment.UpperRight,
                    [.. results.Select(result => (result.Discriminator, result.Distances))]
                ),
            ]
        );
    }
}

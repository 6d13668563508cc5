using Parametrize.CSharp;
using Samples.Data;
using Samples.Training;
using ScottPlot;
using Showcase.Experiments;
using Showcase.Report;
using static TorchSharp.torch;

namespace Showcase.Lora;

/// <summary>A transformer is trained, then tuned to a shifted task: by LoRA, and all of it.</summary>
internal sealed class LoraExperiment : IExperiment
{
    public string Name => "lora";

    public string Description => "tuning a trained transformer to a shifted task by LoRA, and all of its weights";

    public Outcome Run(Setting setting)
    {
        using var data = DigitsData.Load(CPU);
        using var tuner = new Tuner(data, setting);
        var bases = setting.Compare(["base"], name => name, (_, report) => tuner.TrainBase(report));
        using var model = bases[0];
        var results = setting.Compare<(string Name, LoraConfig? Config), Tuning>(
            [("LoRA, rank 4", Tuner.Config), ("all weights", null)],
            way => way.Name,
            (way, report) => tuner.Tune(way.Name, model, way.Config, report)
        );
        var merging = tuner.Deploy(model);
        var (lora, full) = (results[0], results[1]);
        return new(
            ["tuning", "shifted task", "first task", "numbers trained", "stored for the task"],
            [.. results.Prepend(tuner.Untuned(model)).Select(result => result.Row)],
            $"LoRA trains {(double)lora.Trained / full.Trained:0.0%} of the numbers and recognises {lora.Shifted:0.0%} of the shifted images, all weights "
                + $"{full.Shifted:0.0%}; it stores {lora.Bytes / 1024.0:0.0} kB for the task instead of {full.Bytes / 1024.0:0.0} kB. "
                + $"Merging the saved adapter rounds by at most {merging.LargestError:0.0e-0}, which changes the scores by at most {merging.Difference:g2}.",
            [
                Goal.AtLeast("accuracy of LoRA on the shifted task", lora.Shifted, 0.85),
                Goal.AtMost("share of the numbers trained", (double)lora.Trained / full.Trained, 0.2),
                Goal.AtMost("rounding error of merging", merging.LargestError, 1e-6),
            ],
            [
                Curves.Draw(
                    "Accuracy on the shifted task",
                    "epochs",
                    Alignment.LowerRight,
                    [.. results.Select(result => (result.Name, Curves.Numbered(result.Accuracies)))]
                ),
            ]
        );
    }
}

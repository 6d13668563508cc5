using System.Diagnostics;
using Digits.Model;
using Parametrize.CSharp;
using Samples.Data;
using Samples.Training;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Digits.Training;

/// <summary>Trains classifiers that differ in how their kernels are computed.</summary>
public sealed class Trainer(TrainingSettings settings, DigitsData data)
{
    /// <summary>Trains each map from scratch, several at a time, and shows how far that is.</summary>
    public IReadOnlyList<TrainingResult> TrainAll(IReadOnlyList<KernelMap> maps) =>
        SideBySide.Run(
            maps,
            map => map.Name,
            data.Train.Pixels.device_type == DeviceType.CPU ? Environment.ProcessorCount : 1,
            (map, report) => Train(map, epoch => report(epoch.Epoch, settings.Epochs, $"{epoch}"))
        );

    /// <summary>Trains from scratch and reports after each epoch.</summary>
    public TrainingResult Train(KernelMap map, Action<EpochResult> report)
    {
        var random = new Random(settings.Seed);
        using var model = SideBySide.Draw(
            settings.Seed,
            () => new DigitsClassifier(settings.Hidden, map.Parametrization)
        );
        model.to(data.Train.Pixels.device);
        using var optimizer = OptimizerFor(model);
        var schedule = optim.lr_scheduler.CosineAnnealingLR(optimizer, settings.Epochs);

        var epochs = new List<EpochResult>();
        var clock = new Stopwatch();
        var steps = 0;
        for (var epoch = 1; epoch <= settings.Epochs; epoch++)
        {
            clock.Start();
            var (loss, more) = Classification.Epoch(model, optimizer, data.Train, settings.BatchSize, random);
            clock.Stop();
            steps += more;
            schedule.step();
            epochs.Add(new(epoch, loss, Classification.Accuracy(model, data.Test)));
            report(epochs[^1]);
        }
        return new(map, epochs, DistanceFromOrthogonal(model), clock.Elapsed.TotalMilliseconds / steps);
    }

    private optim.Optimizer OptimizerFor(DigitsClassifier model)
    {
        Adam.ParamGroup[] groups =
        [
            new(model.other_parameters(), settings.LearningRate),
            new(model.parametrized_parameters(), settings.KernelLearningRate),
        ];
        return optim.Adam(groups);
    }

    private static double DistanceFromOrthogonal(DigitsClassifier model)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var kernel = model.Kernel.Value;
        var identity = eye(kernel.shape[0], device: kernel.device);
        return (kernel.mT.matmul(kernel) - identity).abs().max().item<float>();
    }
}

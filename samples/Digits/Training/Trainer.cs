using System.Collections.Concurrent;
using System.Diagnostics;
using Digits.Model;
using Parametrize.CSharp;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Digits.Training;

/// <summary>Trains classifiers that differ in how their kernels are computed.</summary>
public sealed class Trainer(TrainingSettings settings, DigitsData data)
{
    private static readonly Lock Drawing = new();

    /// <summary>Trains each map from scratch, several at a time, and reports after each epoch.</summary>
    public IReadOnlyList<TrainingResult> TrainAll(IReadOnlyList<KernelMap> maps, Action<KernelMap, EpochResult> report)
    {
        // The matrices are too small to share among threads: a core for each map is faster than all cores for one.
        set_num_threads(1);
        var onCpu = data.Train.Pixels.device_type == DeviceType.CPU;
        var oneByOne = Partitioner.Create(maps.ToArray(), loadBalance: true);
        return
        [
            .. oneByOne
                .AsParallel()
                .AsOrdered()
                .WithDegreeOfParallelism(onCpu ? Environment.ProcessorCount : 1)
                .Select(map => Train(map, epoch => report(map, epoch))),
        ];
    }

    /// <summary>Trains from scratch and reports after each epoch.</summary>
    public TrainingResult Train(KernelMap map, Action<EpochResult> report)
    {
        var random = new Random(settings.Seed);
        using var model = NewModel(map);
        model.to(data.Train.Pixels.device);
        using var optimizer = OptimizerFor(model);
        var schedule = optim.lr_scheduler.CosineAnnealingLR(optimizer, settings.Epochs);

        var epochs = new List<EpochResult>();
        var clock = new Stopwatch();
        var steps = 0;
        for (var epoch = 1; epoch <= settings.Epochs; epoch++)
        {
            clock.Start();
            var loss = 0.0;
            foreach (var batch in data.Train.Batches(settings.BatchSize, random))
            {
                loss += Step(model, optimizer, batch) * batch.Count / data.Train.Count;
                steps++;
            }
            clock.Stop();
            schedule.step();
            epochs.Add(new(epoch, loss, Accuracy(model, data.Test)));
            report(epochs[^1]);
        }
        return new(map, epochs, DistanceFromOrthogonal(model), clock.Elapsed.TotalMilliseconds / steps);
    }

    /// <summary>The initial weights are drawn from the one generator that all threads share.</summary>
    private DigitsClassifier NewModel(KernelMap map)
    {
        lock (Drawing)
        {
            manual_seed(settings.Seed);
            return new DigitsClassifier(settings.Hidden, map.Parametrization);
        }
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

    private static double Step(DigitsClassifier model, optim.Optimizer optimizer, LabelledImages batch)
    {
        using var scope = NewDisposeScope();
        optimizer.zero_grad();
        var loss = nn.functional.cross_entropy(model.call(batch.Pixels), batch.Labels);
        loss.backward();
        optimizer.step();
        return loss.item<float>();
    }

    private static double Accuracy(DigitsClassifier model, LabelledImages images)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var recognised = model.call(images.Pixels).argmax(1).eq(images.Labels);
        return recognised.mean([0], type: ScalarType.Float64).item<double>();
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

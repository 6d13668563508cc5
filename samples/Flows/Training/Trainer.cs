using System.Diagnostics;
using Flows.Data;
using Samples.Report;
using static TorchSharp.torch;

namespace Flows.Training;

/// <summary>Maximises the density of the training data by Adam, with a learning rate that falls to zero.</summary>
public static class Trainer
{
    private const double LargestGradient = 10;

    /// <summary>How many drawings of a random layer a loss is averaged over.</summary>
    private const int Evaluations = 4;

    /// <summary>Trains one flow after the other, and shows how far that is.</summary>
    public static IReadOnlyList<TrainingResult> TrainAll(Options options) =>
        Work.Show<IReadOnlyList<TrainingResult>>(
            [.. options.Problems.Select(problem => problem.Name)],
            report =>
                [
                    .. options.Problems.Select(problem =>
                    {
                        var steps = options.Steps ?? problem.Steps;
                        return Train(problem, steps, options.Seed, done => report(problem.Name, done, steps, ""));
                    }),
                ]
        );

    private static TrainingResult Train(Problem problem, int steps, int seed, Action<int> report)
    {
        manual_seed(seed);
        var (train, test) = problem.Load(seed);
        using var _ = train;
        using var __ = test;
        var flow = problem.NewFlow();
        using var optimizer = optim.Adam(flow.parameters(), problem.LearningRate);
        var schedule = optim.lr_scheduler.CosineAnnealingLR(optimizer, steps);
        var watch = Stopwatch.StartNew();
        for (var step = 0; step < steps; step++)
        {
            using var scope = NewDisposeScope();
            var batch = train.index_select(0, randint(0, train.shape[0], [problem.BatchSize]));
            optimizer.zero_grad();
            (-flow.log_prob(batch).mean()).backward();
            nn.utils.clip_grad_norm_(flow.parameters(), LargestGradient);
            optimizer.step();
            schedule.step();
            report(step + 1);
        }
        var duration = watch.Elapsed;
        flow.eval();
        return new(
            problem,
            flow,
            Mean(() => problem.Loss(flow, test)),
            Mean(() => problem.Loss(flow, train)),
            flow.parameters().Sum(parameter => parameter.numel()),
            duration.TotalMilliseconds / steps
        );
    }

    private static double Mean(Func<double> loss) => Enumerable.Range(0, Evaluations).Average(_ => loss());
}

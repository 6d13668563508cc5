using Flows.Data;
using Flows.Training;
using Spectre.Console;

namespace Flows.Report;

/// <summary>A bar for each problem while its flow is trained.</summary>
public static class TrainingProgress
{
    public static IReadOnlyList<TrainingResult> Show(IReadOnlyList<Problem> problems, Options options) =>
        AnsiConsole
            .Progress()
            .Start(progress =>
            {
                var bars = problems
                    .Select(problem => progress.AddTask(problem.Name, maxValue: options.Steps ?? problem.Steps))
                    .ToArray();
                return problems
                    .Zip(
                        bars,
                        (problem, bar) =>
                            Trainer.Train(problem, options.Steps ?? problem.Steps, options.Seed, () => bar.Increment(1))
                    )
                    .ToArray();
            });
}

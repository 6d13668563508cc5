using Digits.Model;
using Digits.Training;
using Spectre.Console;

namespace Digits.Report;

/// <summary>Shows how far training is: progress bars in a terminal, lines in files and pipes.</summary>
public static class TrainingProgress
{
    private const int LinesPerMap = 6;

    /// <summary>Runs the training while showing what it reports, from any thread, after each epoch.</summary>
    public static T Show<T>(IReadOnlyList<KernelMap> maps, int epochs, Func<Action<KernelMap, EpochResult>, T> train)
    {
        var width = maps.Max(map => map.Name.Length);
        return Console.IsOutputRedirected
            ? train((map, epoch) => Print(map.Name.PadRight(width), epoch, epochs))
            : ShowBars(maps, epochs, width, train);
    }

    private static void Print(string name, EpochResult epoch, int epochs)
    {
        if (epoch.Epoch % Math.Max(1, epochs / LinesPerMap) == 0 || epoch.Epoch == epochs)
            Console.WriteLine($"{name}  epoch {epoch.Epoch}/{epochs}  {Describe(epoch)}");
    }

    private static T ShowBars<T>(
        IReadOnlyList<KernelMap> maps,
        int epochs,
        int width,
        Func<Action<KernelMap, EpochResult>, T> train
    )
    {
        // The bars hide the cursor; whoever interrupts them wants it back.
        Console.CancelKeyPress += (_, _) => AnsiConsole.Cursor.Show();
        var description = new TaskDescriptionColumn { Alignment = Justify.Left };
        return AnsiConsole
            .Progress()
            .Columns(description, new ProgressBarColumn(), new PercentageColumn(), new RemainingTimeColumn())
            .Start(context =>
            {
                var bars = maps.ToDictionary(map => map, map => context.AddTask(map.Name, maxValue: epochs));
                return train(
                    (map, epoch) =>
                    {
                        bars[map].Description = $"{map.Name.PadRight(width)}  {Describe(epoch)}";
                        bars[map].Value = epoch.Epoch;
                    }
                );
            });
    }

    private static string Describe(EpochResult epoch) =>
        $"loss {epoch.Loss:0.000}  test accuracy {epoch.TestAccuracy:0.0%}";
}

using Spectre.Console;

namespace Samples.Report;

/// <summary>Shows how far work is: bars in a terminal, lines in files and pipes.</summary>
public static class Work
{
    private const int LinesPerTask = 6;

    /// <summary>Says that so many steps of a task are done, from any thread.</summary>
    /// <param name="task">One of those that are shown.</param>
    /// <param name="done">How many steps are done.</param>
    /// <param name="steps">How many there are.</param>
    /// <param name="state">What is known by now.</param>
    public delegate void Report(string task, int done, int steps, string state);

    /// <summary>Does the work while showing what it reports.</summary>
    public static T Show<T>(IReadOnlyList<string> tasks, Func<Report, T> work)
    {
        var width = tasks.Max(task => task.Length);
        return Console.IsOutputRedirected
            ? work((task, done, steps, state) => Print(task.PadRight(width), done, steps, state))
            : ShowBars(tasks, width, work);
    }

    private static void Print(string task, int done, int steps, string state)
    {
        if (done % Math.Max(1, steps / LinesPerTask) == 0 || done == steps)
            Console.WriteLine($"{task}  {done}/{steps}  {state}");
    }

    private static T ShowBars<T>(IReadOnlyList<string> tasks, int width, Func<Report, T> work)
    {
        // The bars hide the cursor; whoever interrupts them wants it back.
        Console.CancelKeyPress += (_, _) => AnsiConsole.Cursor.Show();
        var description = new TaskDescriptionColumn { Alignment = Justify.Left };
        return AnsiConsole
            .Progress()
            .Columns(description, new ProgressBarColumn(), new PercentageColumn(), new RemainingTimeColumn())
            .Start(context =>
            {
                var bars = tasks.ToDictionary(task => task, task => context.AddTask(task));
                return work(
                    (task, done, steps, state) =>
                    {
                        bars[task].Description = $"{task.PadRight(width)}  {Markup.Escape(state)}";
                        bars[task].MaxValue = steps;
                        bars[task].Value = done;
                    }
                );
            });
    }
}

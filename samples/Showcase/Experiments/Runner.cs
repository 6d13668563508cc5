using System.Diagnostics;
using Samples.Report;

namespace Showcase.Experiments;

/// <summary>Runs experiments, and reports what they have found.</summary>
internal static class Runner
{
    private const int AloneWidth = 480;
    private const int BesideWidth = 330;
    private const int Height = 280;

    /// <returns>The exit code: 1 where a goal is missed at the usual setting.</returns>
    public static int RunAll(IEnumerable<IExperiment> experiments, Setting setting, DirectoryInfo output)
    {
        output.Create();
        // All of them run, whatever the first has missed.
        var met = experiments.Select(experiment => Run(experiment, setting, output)).ToList();
        return met.TrueForAll(isMet => isMet) ? 0 : 1;
    }

    private static bool Run(IExperiment experiment, Setting setting, DirectoryInfo output)
    {
        Console.WriteLine($"{experiment.Name}: {experiment.Description}");
        var watch = Stopwatch.StartNew();
        var outcome = experiment.Run(setting);
        var picture = Path.Combine(output.FullName, $"{experiment.Name}.png");
        Picture.Save(picture, outcome.Plots.Count == 1 ? AloneWidth : BesideWidth, Height, outcome.Plots);

        ResultTable.Print(outcome.Columns, outcome.Rows);
        Console.WriteLine(outcome.Bought);
        Console.WriteLine($"Picture: {picture}. All took {watch.Elapsed.TotalSeconds:0.0} s.");
        return setting.IsQuick || AreMet(outcome.Goals);
    }

    private static bool AreMet(IReadOnlyList<Goal> goals)
    {
        var missed = goals.Where(goal => !goal.IsMet).ToList();
        foreach (var goal in missed)
            Console.WriteLine($"Goal missed: {goal.Claim}; it is {goal.Measured:g3}.");
        if (missed.Count == 0)
            Console.WriteLine($"Goals met: {string.Join(", ", goals.Select(goal => goal.Claim))}.");
        return missed.Count == 0;
    }
}

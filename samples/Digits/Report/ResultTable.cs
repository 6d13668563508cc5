using Digits.Training;
using Spectre.Console;

namespace Digits.Report;

/// <summary>The results as a table in the terminal.</summary>
public static class ResultTable
{
    public static void Print(IEnumerable<TrainingResult> results)
    {
        var table = new Table()
            .AddColumn("map")
            .AddColumn("test accuracy", column => column.RightAligned())
            .AddColumn("max |W^T W - I|", column => column.RightAligned())
            .AddColumn("ms per step", column => column.RightAligned());
        foreach (var result in results)
            table.AddRow(
                result.Map.Name,
                $"{result.TestAccuracy:0.0%}",
                $"{result.Distance:0.0e-0}",
                $"{result.MillisecondsPerStep:0.0}"
            );
        AnsiConsole.Write(table);
    }
}

using Flows.Training;
using Spectre.Console;

namespace Flows.Report;

/// <summary>What the flows have reached.</summary>
public static class ResultTable
{
    public static void Print(IEnumerable<TrainingResult> results)
    {
        var table = new Table().AddColumn("data");
        foreach (var name in new[] { "test", "training", "known", "parameters", "ms per step" })
            table.AddColumn(new TableColumn(name).RightAligned());
        foreach (var result in results)
            table.AddRow(
                result.Problem.Name,
                $"{result.Loss:0.000} {result.Problem.Unit}",
                $"{result.TrainLoss:0.000}",
                result.Problem.Known,
                $"{result.Parameters:n0}",
                $"{result.MillisecondsPerStep:0.0}"
            );
        AnsiConsole.Write(table);
    }
}

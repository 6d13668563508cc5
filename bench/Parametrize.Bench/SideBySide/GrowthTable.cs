using System.Diagnostics;
using Parametrize.Bench.Cases;
using Parametrize.Bench.Results;

namespace Parametrize.Bench.SideBySide;

/// <summary>How the time for a whole model grows with the number of its tensors: twice as many should take twice as long.</summary>
internal static class GrowthTable
{
    public static void Print()
    {
        var table = Report.Table(
            "Whole models, milliseconds",
            "what",
            "count",
            "half of it",
            "the whole",
            Column.Smaller("times as long")
        );
        foreach (var (name, count, prepare) in GrowthCase.All())
        {
            Milliseconds(prepare(count / 8));
            var (half, whole) = (Milliseconds(prepare(count / 2)), Milliseconds(prepare(count)));
            table.AddRow(name, $"{count}", Report.Time(half), Report.Time(whole), Report.Factor(whole / half));
        }
        Report.Print(table, "Each is done once, to a model of its own.");
    }

    private static double Milliseconds(Action action)
    {
        GC.Collect();
        var before = Environment.CpuUsage.TotalTime;
        action();
        return (Environment.CpuUsage.TotalTime - before).TotalMilliseconds;
    }
}

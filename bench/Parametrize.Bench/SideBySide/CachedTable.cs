using Parametrize.Bench.Cases;
using Spectre.Console;

namespace Parametrize.Bench.SideBySide;

/// <summary>What a cached scope saves where a weight is used many times.</summary>
internal static class CachedTable
{
    public static void Print()
    {
        var table = Report.Table(
            $"{CachedCase.Uses} uses of one weight, forward and backward, microseconds",
            "value",
            "computed each time",
            "in a cached scope",
            "times faster",
            "plain layer",
            "scope / plain"
        );
        foreach (var recurrence in CachedCase.All())
        {
            var laps = Race.Run(TimeSpan.FromSeconds(3), recurrence.Computed, recurrence.Cached, recurrence.Plain);
            var (computed, cached, plain) = (laps[0].Median, laps[1].Median, laps[2].Median);
            table.AddRow(
                $"{recurrence}",
                Report.Time(computed),
                Report.Time(cached),
                Report.Factor(computed / cached),
                Report.Time(plain),
                Report.Factor(cached / plain)
            );
        }
        Report.Print(table, "The plain layer has a weight of its own and computes nothing.");
    }
}

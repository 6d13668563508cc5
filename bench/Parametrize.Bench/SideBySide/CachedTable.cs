using Parametrize.Bench.Cases;
using Parametrize.Bench.Results;
using Parametrize.CSharp;

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
            Column.Larger("times faster"),
            "plain layer",
            Column.Smaller("scope / plain")
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
        PrintCalls();
    }

    /// <summary>What putting the value into its place costs, and in a scope finding it there, unchanged.</summary>
    private static void PrintCalls()
    {
        var table = Report.Table(
            "One call, without gradients, microseconds",
            "value",
            "plain layer",
            "parametrized",
            "difference"
        );
        Add("outside scopes", CachedCase.OfIdentity());
        using var _ = parametrize.cached();
        foreach (var subject in CachedCase.All().Prepend(CachedCase.OfIdentity()))
            Add("in a scope", subject);
        Report.Print(table, "In a scope each call looks whether the parts were written to.");

        void Add(string where, CachedCase subject)
        {
            var laps = Race.Run(TimeSpan.FromSeconds(1), subject.PlainCall, subject.ParametrizedCall);
            var (plain, parametrized) = (laps[0].Median, laps[1].Median);
            table.AddRow(
                $"{subject}, {where}",
                Report.Time(plain),
                Report.Time(parametrized),
                Report.Difference(parametrized - plain)
            );
        }
    }
}

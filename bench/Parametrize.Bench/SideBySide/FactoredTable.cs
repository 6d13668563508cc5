using Parametrize.Bench.Cases;
using Parametrize.Bench.Results;

namespace Parametrize.Bench.SideBySide;

/// <summary>Sets of matrices beside geotorch's formulas.</summary>
internal static class FactoredTable
{
    public static void Print()
    {
        var table = Report.Table(
            "Matrices by their factors, forward and backward, microseconds",
            "matrices",
            "geotorch's formula",
            "ours",
            Column.Larger("times faster")
        );
        foreach (var subject in FactoredCase.All())
        {
            var laps = Race.Run(TimeSpan.FromSeconds(3), subject.Formula, subject.Ours);
            var (formula, ours) = (laps[0].Median, laps[1].Median);
            table.AddRow($"{subject}", Report.Time(formula), Report.Time(ours), Report.Factor(formula / ours));
        }
        Report.Print(table, "The formula yields the same set of matrices from other factors.");
    }
}

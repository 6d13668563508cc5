using Parametrize.Bench.Cases;
using Parametrize.Bench.Results;

namespace Parametrize.Bench.SideBySide;

/// <summary>Pruning a large matrix, beside PyTorch's operations on the same libtorch.</summary>
internal static class PruneTable
{
    public static void Print()
    {
        var table = Report.Table(
            "Pruning half of 20,000 x 256 entries, milliseconds",
            "pruning",
            "PyTorch's operations",
            "ours",
            Column.Smaller("ours / PyTorch")
        );
        foreach (var subject in PruneCase.All())
        {
            var laps = Race.Run(TimeSpan.FromSeconds(2), subject.PyTorch, subject.Ours);
            var (reference, ours) = (laps[0].Median, laps[1].Median);
            table.AddRow(
                $"{subject}",
                Report.Time(reference / 1000),
                Report.Time(ours / 1000),
                Report.Factor(ours / reference)
            );
        }
        Report.Print(table, "Ours also takes the pruning away again, so that the next run finds the same numbers.");
    }
}

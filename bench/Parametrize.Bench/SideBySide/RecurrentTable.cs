using Parametrize.Bench.Cases;
using Parametrize.Bench.Results;

namespace Parametrize.Bench.SideBySide;

/// <summary>A recurrent net with an orthogonal kernel.</summary>
internal static class RecurrentTable
{
    public static void Print()
    {
        var table = Report.Table(
            $"A step of SGD of a recurrent net with an orthogonal kernel, {RecurrentCase.Length} times, microseconds",
            "kernel",
            "formula at each time",
            "formula once",
            "registered",
            Column.Larger("times faster"),
            Column.Larger("than once"),
            "plain net"
        );
        foreach (var net in RecurrentCase.All())
        {
            var laps = Race.Run(
                TimeSpan.FromSeconds(4),
                net.FormulaEachTime,
                net.FormulaOnce,
                net.Registered,
                net.Plain
            );
            var (each, once, registered, plain) = (laps[0].Median, laps[1].Median, laps[2].Median, laps[3].Median);
            table.AddRow(
                $"{net}",
                Report.Time(each),
                Report.Time(once),
                Report.Time(registered),
                Report.Factor(each / registered),
                Report.Factor(once / registered),
                Report.Time(plain)
            );
        }
        Report.Print(
            table,
            "The kernel is run by `forward`; the `call` of the net computes it once. No scope is needed."
        );
    }
}

using Parametrize.Bench.Cases;
using Parametrize.Bench.Results;
using Parametrize.CSharp;

namespace Parametrize.Bench.SideBySide;

/// <summary>What a linear layer of a flow costs in a cached scope.</summary>
internal static class FlowTable
{
    public static void Print()
    {
        var table = Report.Table(
            "A linear layer of a flow, 256 data, without gradients, microseconds",
            "value",
            "plain layer",
            "with log determinants",
            Column.Smaller("times the plain layer")
        );
        using var _ = parametrize.cached();
        foreach (var subject in FlowCase.All())
        {
            var laps = Race.Run(TimeSpan.FromSeconds(2), subject.Plain, subject.Flow);
            var (plain, flow) = (laps[0].Median, laps[1].Median);
            table.AddRow($"{subject}", Report.Time(plain), Report.Time(flow), Report.Factor(flow / plain));
        }
        Report.Print(table, "Weight and determinant are computed once in a cached scope.");
    }
}

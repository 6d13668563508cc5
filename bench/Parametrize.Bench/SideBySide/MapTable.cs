using Parametrize.Bench.Cases;
using Spectre.Console;

namespace Parametrize.Bench.SideBySide;

/// <summary>The orthogonal maps beside PyTorch's formulas, and in units of the products that they consist of.</summary>
internal static class MapTable
{
    public static void Print()
    {
        var table = Report.Table(
            "Orthogonal maps, forward and backward, microseconds",
            "map",
            "shape",
            "PyTorch's formula",
            "ours",
            "times faster",
            "one product",
            "ours in products",
            "floor in products"
        );
        foreach (var map in MapCase.All())
        {
            var laps = Race.Run(TimeSpan.FromSeconds(2), map.Reference, map.Ours, map.Product);
            var (reference, ours, product) = (laps[0].Median, laps[1].Median, laps[2].Median);
            table.AddRow(
                map.Map,
                map.Shape,
                Report.Time(reference),
                Report.Time(ours),
                Report.Factor(reference / ours),
                Report.Time(product),
                Report.Time(ours / product),
                map.Products is { } floor ? Report.Time(floor) : "-"
            );
        }
        Report.Print(
            table,
            "A product is that of a matrix of this shape and a square one. The floor counts those that the mathematics needs."
        );
    }
}

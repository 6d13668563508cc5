using Parametrize.Bench.Cases;
using Parametrize.Bench.Results;

namespace Parametrize.Bench.SideBySide;

/// <summary>The orthogonal maps beside PyTorch's formulas, and in units of the products that they consist of.</summary>
internal static class MapTable
{
    public static void Print(Options options)
    {
        var table = Report.Table(
            "Orthogonal maps, forward and backward, microseconds",
            "map",
            "PyTorch's formula",
            "ours",
            Column.Larger("times faster"),
            "growth with n",
            "one product",
            "ours in products",
            "floor in products"
        );
        var points = new List<MapPoint>();
        foreach (var map in MapCase.All(options.Sizes, options.Device))
        {
            var laps = Race.Run(TimeSpan.FromSeconds(2), map.Reference, map.Ours, map.Product);
            var (reference, ours, product) = (laps[0].Median, laps[1].Median, laps[2].Median);
            var before = points.LastOrDefault(point => point.Map == map.Map && point.IsSquare);
            var point = new MapPoint(map.Map, map.Rows, map.Columns, reference, ours);
            points.Add(point);
            table.AddRow(
                $"{map}",
                Report.Time(reference),
                Report.Time(ours),
                Report.Factor(reference / ours),
                point.IsSquare && before is not null ? $"n^{Report.Factor(point.SlopeFrom(before))}" : "",
                Report.Time(product),
                Report.Time(ours / product),
                map.Products is { } floor ? Report.Time(floor) : "-"
            );
        }
        Report.Print(
            table,
            "A product is that of a matrix of this shape and a square one. The floor counts those that the mathematics needs."
        );
        if (options.Plot is { } file)
            MapPlot.Draw(file, points);
    }
}

/// <summary>Times of one map at one shape, in microseconds.</summary>
internal sealed record MapPoint(string Map, int Rows, int Columns, double Reference, double Ours)
{
    public bool IsSquare => Rows == Columns;

    /// <summary>The power of n with which our time has grown.</summary>
    public double SlopeFrom(MapPoint smaller) => Math.Log(Ours / smaller.Ours) / Math.Log((double)Rows / smaller.Rows);
}

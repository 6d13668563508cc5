using System.Globalization;
using ScottPlot;

namespace Parametrize.Bench.SideBySide;

/// <summary>The time of each map against n, both by their logarithms: a straight line is a power of n.</summary>
internal static class MapPlot
{
    public static void Draw(FileInfo file, IReadOnlyCollection<MapPoint> points)
    {
        var plot = new Plot();
        var palette = plot.Add.Palette;
        foreach (var (index, map) in points.Where(point => point.IsSquare).GroupBy(point => point.Map).Index())
        {
            var ordered = map.OrderBy(point => point.Rows).ToArray();
            Add($"{map.Key}, ours", point => point.Ours, LinePattern.Solid);
            Add($"{map.Key}, PyTorch's formula", point => point.Reference, LinePattern.Dotted);

            void Add(string label, Func<MapPoint, double> time, LinePattern pattern)
            {
                var line = plot.Add.Scatter(
                    ordered.Select(point => Math.Log10(point.Rows)).ToArray(),
                    ordered.Select(point => Math.Log10(time(point))).ToArray(),
                    palette.GetColor(index)
                );
                (line.LegendText, line.LinePattern) = (label, pattern);
            }
        }
        var square = points.Where(point => point.IsSquare).ToList();
        plot.Axes.Bottom.TickGenerator = Ticks(square.Select(point => (double)point.Rows).Distinct());
        plot.Axes.Left.TickGenerator = Ticks(Enumerable.Range(0, 9).Select(power => Math.Pow(10, power)));
        plot.XLabel("n");
        plot.YLabel("microseconds, forward and backward");
        plot.ShowLegend(Alignment.UpperLeft);
        file.Directory?.Create();
        plot.SavePng(file.FullName, 900, 600);
    }

    private static ScottPlot.TickGenerators.NumericManual Ticks(IEnumerable<double> numbers) =>
        new([
            .. numbers.Select(number => new Tick(
                Math.Log10(number),
                number.ToString("n0", CultureInfo.InvariantCulture)
            )),
        ]);
}

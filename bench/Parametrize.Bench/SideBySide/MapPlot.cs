using ScottPlot;

namespace Parametrize.Bench.SideBySide;

/// <summary>The time of each map against n, both by their logarithms: a straight line is a power of n.</summary>
internal static class MapPlot
{
    public static void Draw(FileInfo file, IEnumerable<MapPoint> points)
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
        plot.Axes.Bottom.TickGenerator = Powers();
        plot.Axes.Left.TickGenerator = Powers();
        plot.XLabel("n");
        plot.YLabel("microseconds, forward and backward");
        plot.ShowLegend(Alignment.UpperLeft);
        file.Directory?.Create();
        plot.SavePng(file.FullName, 900, 600);
    }

    private static ScottPlot.TickGenerators.NumericAutomatic Powers() =>
        new()
        {
            LabelFormatter = power => $"{Math.Pow(10, power):g3}",
            MinorTickGenerator = new ScottPlot.TickGenerators.LogMinorTickGenerator(),
        };
}

using ScottPlot;
using ScottPlot.MultiplotLayouts;

namespace Digits.Report;

/// <summary>The learning curves as an image.</summary>
public static class PngReport
{
    private const string Font = "DejaVu Sans";

    public static void Save(IReadOnlyList<Chart> charts, string path)
    {
        // Its own font, because a machine without any would leave out the labels.
        Fonts.AddFontFile(Font, Path.Combine(AppContext.BaseDirectory, "fonts", "DejaVuSans.ttf"));

        var image = new Multiplot { Layout = new Columns() };
        image.AddPlots(charts.Count);
        foreach (var (plot, chart) in image.GetPlots().Zip(charts))
            Draw(plot, chart);
        image.SavePng(path, width: 600 * charts.Count, height: 450);
    }

    private static void Draw(Plot plot, Chart chart)
    {
        var epochs = Enumerable.Range(1, chart.Epochs).Select(epoch => (double)epoch).ToArray();
        foreach (var curve in chart.Curves)
        {
            var line = plot.Add.ScatterLine(epochs, [.. curve.Values], Color.FromHex(curve.Colour));
            line.LegendText = curve.Map.Name;
            line.LineWidth = 2;
        }
        plot.Title(chart.Title);
        plot.XLabel("epoch");
        plot.Axes.SetLimits(0, chart.Epochs, chart.Ticks[0], chart.Ticks[^1]);
        plot.Axes.Left.SetTicks([.. chart.Ticks], [.. chart.Ticks.Select(chart.Format)]);
        plot.ShowLegend(chart.Rises ? Alignment.LowerRight : Alignment.UpperRight);
        plot.Font.Set(Font);
    }
}

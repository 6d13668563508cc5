using Samples.Report;
using ScottPlot;

namespace Digits.Report;

/// <summary>The learning curves as an image.</summary>
public static class PngReport
{
    public static void Save(IReadOnlyList<Chart> charts, string path) =>
        Picture.Save(path, width: 600, height: 450, [.. charts.Select(Draw)]);

    private static Plot Draw(Chart chart)
    {
        var plot = Picture.Panel(chart.Title);
        var epochs = Enumerable.Range(1, chart.Epochs).Select(epoch => (double)epoch).ToArray();
        foreach (var curve in chart.Curves)
        {
            var line = plot.Add.ScatterLine(epochs, [.. curve.Values], Color.FromHex(curve.Colour));
            line.LegendText = curve.Map.Name;
            line.LineWidth = 2;
        }
        plot.XLabel("epoch");
        plot.Axes.SetLimits(0, chart.Epochs, chart.Ticks[0], chart.Ticks[^1]);
        plot.Axes.Left.SetTicks([.. chart.Ticks], [.. chart.Ticks.Select(chart.Format)]);
        plot.ShowLegend(chart.Rises ? Alignment.LowerRight : Alignment.UpperRight);
        return plot;
    }
}

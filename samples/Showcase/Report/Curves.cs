using Samples.Report;
using ScottPlot;

namespace Showcase.Report;

/// <summary>Lines with names over one axis.</summary>
internal static class Curves
{
    // Okabe and Ito's colours, which colour-blind people can tell apart.
    private static readonly string[] Colours = ["#0072b2", "#d55e00", "#009e73", "#8c8c8c"];

    private const int LegendSize = 11;

    /// <param name="title">What the y axis has.</param>
    /// <param name="xLabel">What the x axis has.</param>
    /// <param name="legend">The corner that the lines leave free.</param>
    /// <param name="lines">Each with its name and points; what is not finite is left out.</param>
    public static Plot Draw(
        string title,
        string xLabel,
        Alignment legend,
        params IReadOnlyList<(string Name, IReadOnlyList<(double X, double Y)> Points)> lines
    )
    {
        var plot = Picture.Panel(title);
        foreach (var ((name, points), colour) in lines.Zip(Colours))
        {
            var finite = points.Where(point => double.IsFinite(point.Y)).ToArray();
            var line = plot.Add.ScatterLine(
                Array.ConvertAll(finite, point => point.X),
                Array.ConvertAll(finite, point => point.Y),
                Color.FromHex(colour)
            );
            line.LegendText = name;
            line.LineWidth = 2;
        }
        plot.XLabel(xLabel);
        plot.ShowLegend(legend);
        plot.Legend.FontSize = LegendSize;
        return plot;
    }

    /// <summary>The points of a line with a number for each step.</summary>
    public static IReadOnlyList<(double X, double Y)> Numbered(IEnumerable<double> values, int first = 1) =>
        [.. values.Select((value, index) => ((double)(first + index), value))];

    /// <summary>A y axis whose numbers are base 10 logarithms, labelled with what they are the logarithms of.</summary>
    public static Plot WithPowersOfTen(this Plot plot, int from, int to)
    {
        var ticks = Enumerable.Range(from, to - from + 1).Select(exponent => (double)exponent).ToArray();
        plot.Axes.Left.SetTicks(ticks, [.. ticks.Select(exponent => $"{Math.Pow(10, exponent):g3}")]);
        plot.Axes.SetLimitsY(from, to);
        return plot;
    }
}

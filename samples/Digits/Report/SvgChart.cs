namespace Digits.Report;

/// <summary>A chart as an SVG element that takes its text colour from the page.</summary>
public static class SvgChart
{
    private const int Width = 560;
    private const int Height = 360;
    private const int Left = 60;
    private const int Right = 10;
    private const int Top = 10;
    private const int Bottom = 40;

    public static string Draw(Chart chart)
    {
        var numbers = chart.Ticks.Select(tick => Number(chart, tick));
        var epochs = Epochs(chart.Epochs)
            .Select(epoch => Text(X(chart, epoch), Height - Bottom + 18, "middle", $"{epoch}"));
        var axis = Text(X(chart, chart.Epochs / 2.0), Height - 4, "middle", "epoch");
        var curves = chart.Curves.Select(curve => Line(chart, curve));
        return $"""
            <svg viewBox="0 0 {Width} {Height}" role="img" aria-label="{chart.Title}">
            {string.Join('\n', [.. numbers, .. epochs, axis, .. curves])}
            </svg>
            """;
    }

    private static IEnumerable<int> Epochs(int last)
    {
        var step = last <= 10 ? 1 : (last + 49) / 50 * 5;
        return Enumerable.Range(0, last / step + 1).Select(index => index * step);
    }

    private static string Number(Chart chart, double tick)
    {
        var y = Y(chart, tick);
        return $"""<line x1="{Left}" x2="{Width - Right}" y1="{y:0.#}" y2="{y:0.#}" stroke="#8884"/>"""
            + Text(Left - 8, y + 4, "end", chart.Format(tick));
    }

    /// <summary>The line, and a spot for each epoch that says its number under the mouse.</summary>
    private static string Line(Chart chart, Curve curve)
    {
        var points = curve
            .Values.Select((value, index) => (Epoch: index + 1, Value: value))
            .Where(point => double.IsFinite(point.Value))
            .Select(point => (X: X(chart, point.Epoch), Y: Y(chart, point.Value), point.Epoch, point.Value))
            .ToList();
        var corners = string.Join(' ', points.Select(point => $"{point.X:0.#},{point.Y:0.#}"));
        var spots = points.Select(point =>
            $"""
                <circle cx="{point.X:0.#}" cy="{point.Y:0.#}" r="4" fill="transparent">
                <title>{curve.Map.Name}, epoch {point.Epoch}: {chart.Format(point.Value)}</title></circle>
                """
        );
        return $"""<polyline points="{corners}" fill="none" stroke="{curve.Colour}" stroke-width="2"/>"""
            + string.Concat(spots);
    }

    private static string Text(double x, double y, string anchor, string text) =>
        $"""<text x="{x:0.#}" y="{y:0.#}" text-anchor="{anchor}">{text}</text>""";

    private static double X(Chart chart, double epoch) => Left + (Width - Left - Right) * epoch / chart.Epochs;

    /// <summary>Values outside the axis are drawn at its end.</summary>
    private static double Y(Chart chart, double value)
    {
        var (start, end) = (chart.Ticks[0], chart.Ticks[^1]);
        var share = (Math.Clamp(value, start, end) - start) / (end - start);
        return Height - Bottom - (Height - Bottom - Top) * share;
    }
}

using System.Globalization;
using System.Xml.Linq;

namespace Parametrize.CSharp.Reports;

/// <summary>A picture of numbers that are not negative as bars, from left to right, in SVG.</summary>
internal static class Bars
{
    /// <summary>Sizes in the picture's units, which are pixels when it is as wide as a phone.</summary>
    private const double Width = 320,
        Height = 140,
        Left = 44,
        Top = 12,
        Bottom = 118;

    /// <param name="heights">At least one.</param>
    /// <param name="marked">How many of the first bars have the warning colour.</param>
    /// <param name="highest">The label of the highest bar; the label of the base line is 0.</param>
    /// <param name="below">The labels below the first bar and the last.</param>
    /// <param name="inWords">A description for screen readers.</param>
    public static XElement Draw(
        IReadOnlyList<double> heights,
        int marked,
        string highest,
        (string First, string Last) below,
        string inWords
    )
    {
        var step = (Width - Left) / heights.Count;
        var most = heights.Max();
        var scale = most > 0 ? (Bottom - Top) / most : 0;
        var bars = heights.Select((height, index) => Bar(Left + index * step, step, height * scale)).ToList();
        return new(
            "svg",
            new XAttribute("viewBox", $"0 0 {Number(Width)} {Number(Height)}"),
            new XAttribute("role", "img"),
            new XAttribute("aria-label", inWords),
            Path("axis", $"M{Number(Left)} {Number(Top)}V{Number(Bottom)}H{Number(Width)}"),
            Path("marked", string.Concat(bars.Take(marked))),
            Path("bars", string.Concat(bars.Skip(marked))),
            Text(Left - 4, Top + 4, "end", highest),
            Text(Left - 4, Bottom, "end", "0"),
            Text(Left, Bottom + 16, "start", below.First),
            Text(Width, Bottom + 16, "end", below.Last)
        );
    }

    /// <summary>One bar, with a gap to the next one if there is room.</summary>
    private static string Bar(double left, double step, double height) =>
        $"M{Number(left)} {Number(Bottom)}v{Number(-height)}h{Number(step > 3 ? step - 1 : step)}v{Number(height)}z";

    private static XElement Path(string of, string data) =>
        new("path", new XAttribute("class", of), new XAttribute("d", data));

    private static XElement Text(double x, double y, string anchor, string text) =>
        new(
            "text",
            new XAttribute("x", Number(x)),
            new XAttribute("y", Number(y)),
            new XAttribute("text-anchor", anchor),
            text
        );

    private static string Number(double number) => number.ToString("0.##", CultureInfo.InvariantCulture);
}

using System.Xml.Linq;
using static System.FormattableString;

namespace Parametrize.CSharp.Reports;

/// <summary>The pictures of one tensor.</summary>
internal static class Pictures
{
    private const int MostBars = 128;

    public static IEnumerable<XElement> Of(TensorReport row)
    {
        if (row.SingularValues is { } values)
            yield return OfSpectrum(row, values);
        if (row.Slopes is { } slopes)
            yield return OfSlopes(row, slopes);
    }

    private static XElement OfSpectrum(TensorReport row, IReadOnlyList<double> values)
    {
        var count = Math.Min(values.Count, MostBars);
        double[] drawn = [.. Enumerable.Range(0, count).Select(place => values[At(place, count, values.Count)])];
        var (largest, smallest) = (values[0], values[^1]);
        // Below this bound the smallest singular value is rounding noise.
        var isMeasured = smallest > FormModule.epsilon(row.Dtype) * largest;
        var ratio = isMeasured ? Invariant($", ratio {largest / smallest:g4}") : "";
        var together = row.Spectrum.Matrices > 1 ? $" of {row.Spectrum.Matrices} matrices together" : "";
        var some = count < values.Count ? $"; {count} are drawn" : "";
        var words = Invariant(
            $"{values.Count} singular values{together}, from {largest:g4} to {smallest:g4}{ratio}{some}"
        );
        return Figure(row, words, Bars.Draw(drawn, 0, Invariant($"{largest:g3}"), ("1", $"{values.Count}"), words));
    }

    /// <summary>Evenly spaced, the first and the last among them.</summary>
    private static int At(int place, int count, int of) => count < 2 ? 0 : (int)((long)place * (of - 1) / (count - 1));

    private static XElement OfSlopes(TensorReport row, IReadOnlyList<(double UpTo, long Entries)> slopes)
    {
        var all = Math.Max(1, slopes.Sum(slope => slope.Entries));
        double[] shares = [.. slopes.Select(slope => (double)slope.Entries / all)];
        var words = Invariant(
            $"entries by their derivative, as a share of the largest that the map has: below 1%, 10%, 20%, ..., 100%; {100 * shares[0]:0.#}% are saturated, which is below 1%"
        );
        return Figure(
            row,
            words,
            Bars.Draw(shares, 1, Invariant($"{100 * shares.Max():0.#}%"), ("<1%", "100%"), words)
        );
    }

    private static XElement Figure(TensorReport row, string words, XElement picture) =>
        new("figure", picture, new XElement("figcaption", new XElement("b", row.Name), $": {words}."));
}

using Parametrize.Bench.Results;

namespace Parametrize.Bench.SideBySide;

/// <summary>Ratios of this run that are worse than those of an earlier one.</summary>
internal static class ComparisonTable
{
    /// <summary>What measuring alone moves.</summary>
    private const double Noise = 1.15;

    /// <returns>Whether nothing became slower.</returns>
    public static bool Print(IReadOnlyList<Figure> earlier, FileInfo file)
    {
        var before = earlier.ToDictionary(figure => figure.Key);
        var slower = Report
            .Figures.Select(now =>
                (
                    Now: now,
                    Before: before.GetValueOrDefault(now.Key),
                    Times: before.TryGetValue(now.Key, out var then) ? now.TimesWorse(then) : null
                )
            )
            .Where(row => row.Times > Noise)
            .OrderByDescending(row => row.Times)
            .ToList();
        var table = Report.Table($"Slower than in {file.Name}", "what", "then", "now", "times slower");
        foreach (var (now, then, times) in slower)
            table.AddRow($"{now.Row}: {now.Column.Header}", then!.Shown, now.Shown, Report.Factor(times));
        var compared = Report.Figures.Count(figure =>
            before.ContainsKey(figure.Key) && figure.Column.Better is not Better.Neither
        );
        Report.Print(table, $"{compared} ratios were compared; {Noise} times counts as noise of measuring.");
        return slower.Count == 0;
    }
}

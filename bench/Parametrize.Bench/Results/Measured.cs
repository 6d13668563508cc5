using System.Globalization;

namespace Parametrize.Bench.Results;

/// <summary>A figure of a run.</summary>
internal sealed record Figure(string Table, string Row, Column Column, string Shown)
{
    /// <summary>Null for what is no number.</summary>
    public double? Value =>
        double.TryParse(Shown.TrimEnd(' ', '!'), CultureInfo.InvariantCulture, out var value) ? value : null;

    public (string, string, string) Key => (Table, Row, Column.Header);

    /// <summary>By how many times it is worse than an earlier one; null where there is no telling.</summary>
    public double? TimesWorse(Figure earlier) =>
        (Column.Better, Value, earlier.Value) switch
        {
            (Better.Smaller, > 0 and var now, > 0 and var before) => now / before,
            (Better.Larger, > 0 and var now, > 0 and var before) => before / now,
            _ => null,
        };
}

/// <summary>All figures of a run, as a file that spreadsheets read.</summary>
internal static class Measured
{
    private const string Header = "table,row,column,better,figure";

    public static void Write(FileInfo file, IEnumerable<Figure> figures)
    {
        file.Directory?.Create();
        File.WriteAllLines(file.FullName, [Header, .. figures.Select(Line)]);
    }

    /// <exception cref="FormatException">The file is no such.</exception>
    public static IReadOnlyList<Figure> Read(FileInfo file)
    {
        var lines = File.ReadAllLines(file.FullName);
        if (lines.FirstOrDefault() != Header)
            throw new FormatException($"{file} does not begin with {Header}: it was not written by --csv.");
        return [.. lines.Skip(1).Select(Parsed)];
    }

    private static string Line(Figure figure) =>
        string.Join(
            ',',
            new[] { figure.Table, figure.Row, figure.Column.Header, $"{figure.Column.Better}", figure.Shown }.Select(
                Quoted
            )
        );

    private static string Quoted(string text) => $"\"{text.Replace("\"", "\"\"")}\"";

    private static Figure Parsed(string line)
    {
        var cells = line[1..^1].Split("\",\"");
        return cells.Length == 5 && Enum.TryParse<Better>(cells[3], out var better)
            ? new(cells[0], cells[1], new(cells[2], better), cells[4])
            : throw new FormatException($"A line has to have 5 cells in quotes, but one is: {line}");
    }
}

using System.Globalization;
using BenchmarkDotNet.Environments;
using Parametrize.Bench.Results;
using Spectre.Console;
using TorchSharp;

namespace Parametrize.Bench.SideBySide;

/// <summary>What the tables have in common.</summary>
internal static class Report
{
    private static readonly List<Figure> All = [];

    /// <summary>Of the tables that were printed.</summary>
    public static IReadOnlyList<Figure> Figures => All;

    public static void PrintMachine(string device)
    {
        // A pipe has no width.
        AnsiConsole.Profile.Width = Math.Max(AnsiConsole.Profile.Width, 130);
        var lines = HostEnvironmentInfo.GetCurrent().ToFormattedString();
        var version = typeof(torch).Assembly.GetName().Version!.ToString(3);
        var threads = torch.get_num_threads();
        foreach (var line in lines.Append($"TorchSharp {version}, float32, {device}, threads: {threads}"))
            Console.WriteLine(line);
    }

    public static ResultTable Table(string title, params Column[] columns) => new(title, columns);

    public static void Print(ResultTable results, string note)
    {
        All.AddRange(results.Figures);
        var table = new Table().Title(results.Title).Border(TableBorder.Simple);
        table.AddColumn(new TableColumn(results.Columns[0].Header).NoWrap());
        foreach (var column in results.Columns.Skip(1))
            table.AddColumn(new TableColumn(column.Header).RightAligned());
        foreach (var row in results.Rows)
            table.AddRow([.. row.Select(Markup.Escape)]);
        Console.WriteLine();
        AnsiConsole.Write(table);
        Console.WriteLine(note);
    }

    public static string Time(double time) => time.ToString(time < 1000 ? "f1" : "f0", CultureInfo.InvariantCulture);

    /// <summary>The number with its sign; one that rounds to zero has no sign.</summary>
    public static string Difference(double microseconds)
    {
        var rounded = Math.Round(microseconds, 1);
        return rounded == 0 ? "0.0" : rounded.ToString("+0.0;-0.0", CultureInfo.InvariantCulture);
    }

    public static string Factor(double? ratio) => ratio?.ToString("0.00", CultureInfo.InvariantCulture) ?? "";
}

using System.Globalization;
using BenchmarkDotNet.Environments;
using Spectre.Console;
using TorchSharp;

namespace Parametrize.Bench.SideBySide;

/// <summary>What the tables have in common.</summary>
internal static class Report
{
    public static void PrintMachine()
    {
        // A pipe has no width.
        AnsiConsole.Profile.Width = Math.Max(AnsiConsole.Profile.Width, 110);
        var lines = HostEnvironmentInfo.GetCurrent().ToFormattedString();
        var version = typeof(torch).Assembly.GetName().Version!.ToString(3);
        foreach (var line in lines.Append($"TorchSharp {version}, float32, {torch.get_num_threads()} thread"))
            Console.WriteLine(line);
    }

    public static Table Table(string title, params string[] columns)
    {
        var table = new Table().Title(title).Border(TableBorder.Simple);
        table.AddColumn(new TableColumn(columns[0]).NoWrap());
        foreach (var column in columns.Skip(1))
            table.AddColumn(new TableColumn(column).RightAligned());
        return table;
    }

    public static void Print(Table table, string note)
    {
        Console.WriteLine();
        AnsiConsole.Write(table);
        Console.WriteLine(note);
    }

    public static string Time(double microseconds) =>
        microseconds.ToString(microseconds < 1000 ? "f1" : "f0", CultureInfo.InvariantCulture);

    /// <summary>With its sign, which what rounds to zero has none of.</summary>
    public static string Difference(double microseconds)
    {
        var rounded = Math.Round(microseconds, 1);
        return rounded == 0 ? "0.0" : rounded.ToString("+0.0;-0.0", CultureInfo.InvariantCulture);
    }

    public static string Factor(double? ratio) => ratio?.ToString("0.00", CultureInfo.InvariantCulture) ?? "";
}

using Spectre.Console;

namespace Samples.Report;

/// <summary>Results as a table in the terminal.</summary>
public static class ResultTable
{
    private const int Width = 160;

    /// <summary>The first column has names, the others numbers.</summary>
    public static void Print(IReadOnlyList<string> columns, IEnumerable<string[]> rows)
    {
        // A file or a pipe has no width.
        if (Console.IsOutputRedirected)
            AnsiConsole.Profile.Width = Width;
        var table = new Table().AddColumn(columns[0]);
        foreach (var column in columns.Skip(1))
            table.AddColumn(new TableColumn(Markup.Escape(column)).RightAligned());
        foreach (var row in rows)
            table.AddRow([.. row.Select(Markup.Escape)]);
        AnsiConsole.Write(table);
    }
}

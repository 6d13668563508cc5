using Spectre.Console;

namespace Parametrize.Tool.Report;

/// <summary>Where tables and lines go: a terminal, or a pipe, which has neither width nor colours.</summary>
internal sealed class Screen
{
    private const int WidthOfPipes = 10_000;

    private readonly TextWriter _output;
    private readonly IAnsiConsole _console;

    public Screen(TextWriter output)
    {
        _output = output;
        _console = AnsiConsole.Create(new() { Out = new AnsiConsoleOutput(output) });
        if (!_console.Profile.Out.IsTerminal)
            _console.Profile.Width = WidthOfPipes;
    }

    public void Line(string text) => _output.WriteLine(Shown.Visible(text, keepsLines: true));

    /// <summary>Prints columns below their titles; the last ones, of numbers, end at their right.</summary>
    public void Table(IReadOnlyList<string> titles, IEnumerable<string[]> rows, int numbers = 0)
    {
        var table = new Table().Border(TableBorder.Simple);
        foreach (var (index, title) in titles.Index())
        {
            var column = new TableColumn(title);
            table.AddColumn(index >= titles.Count - numbers ? column.RightAligned() : column);
        }
        foreach (var row in rows)
            table.AddRow([.. row.Select(cell => new Text(Shown.Visible(cell)))]);
        _console.Write(table);
    }
}

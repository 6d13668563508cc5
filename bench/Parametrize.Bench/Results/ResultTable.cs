namespace Parametrize.Bench.Results;

/// <summary>What a benchmark has measured: the first column names the rows.</summary>
internal sealed class ResultTable(string title, Column[] columns)
{
    private readonly List<string[]> _rows = [];

    public string Title => title;

    public IReadOnlyList<Column> Columns => columns;

    public IReadOnlyList<string[]> Rows => _rows;

    public IEnumerable<Figure> Figures =>
        from row in _rows
        from place in Enumerable.Range(1, columns.Length - 1)
        select new Figure(title, row[0], columns[place], row[place]);

    public void AddRow(params string[] cells)
    {
        if (cells.Length != columns.Length)
            throw new ArgumentException($"{title} has {columns.Length} columns; {cells.Length} cells were given.");
        _rows.Add(cells);
    }
}

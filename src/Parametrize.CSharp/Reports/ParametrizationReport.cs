using System.Collections;
using System.Globalization;
using Microsoft.FSharp.Core;
using Parametrize.CSharp.Reports;
using Parametrize.Notebooks;

namespace Parametrize.CSharp;

/// <summary>
/// The parametrized tensors of a model in numbers; prints as a table, and shows as one in notebooks of .NET Interactive. It holds no
/// tensors.
/// </summary>
[StructuredFormatDisplay("{Text}")]
[TypeFormatterSource(typeof(AsTable))]
public sealed class ParametrizationReport : IReadOnlyList<TensorReport>
{
    private static readonly string[] Titles = ["tensor", "value", "shape", "dtype", "distance", "trained", "dimension"];

    /// <summary>A column that is there when it has something to warn of.</summary>
    private const string Warning = "saturated";

    private const int FirstOfNumbers = 5;

    private readonly IReadOnlyList<TensorReport> _rows;

    internal ParametrizationReport(IEnumerable<TensorReport> rows) => _rows = [.. rows];

    /// <summary>How many tensors are parametrized.</summary>
    public int Count => _rows.Count;

    /// <summary>The tensor at that place, in the order of the model's modules.</summary>
    public TensorReport this[int index] => _rows[index];

    /// <inheritdoc/>
    public IEnumerator<TensorReport> GetEnumerator() => _rows.GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    /// <summary>
    /// A line for each tensor below a line of titles, in columns; numbers end at their right. The last column, of saturated
    /// entries, is there where a tensor has some.
    /// </summary>
    public override string ToString()
    {
        var lines = Table;
        var widths = lines[0].Select((_, column) => lines.Max(line => line[column].Length)).ToArray();
        return string.Join('\n', lines.Select(Line));

        string Line(string[] cells) =>
            string.Join("  ", cells.Select((cell, column) => Padded(cell, column, widths[column]))).TrimEnd();
    }

    /// <summary>
    /// A page of HTML: the table, and below it, for each tensor, its singular values and how many of its entries hardly train. The page
    /// needs nothing beside it: the pictures are SVG, there are no scripts. It is light or dark as the browser is, and fits a phone.
    /// </summary>
    /// <param name="title">The title of the page.</param>
    public string ToHtml(string title = "Parametrizations")
    {
        ArgumentNullException.ThrowIfNull(title);
        return ReportPage.Whole(title, this);
    }

    /// <summary>The same without title, head and body, to be put into another page.</summary>
    public string ToHtmlFragment() => ReportPage.Fragment(this);

    /// <summary>Titles and rows, all of the same length.</summary>
    internal string[][] Table
    {
        get
        {
            string[][] rows = [.. _rows.Select(Cells)];
            string[] titles = rows.Any(row => row.Length > Titles.Length) ? [.. Titles, Warning] : Titles;
            return [titles, .. rows.Select(row => row.Length < titles.Length ? [.. row, ""] : row)];
        }
    }

    internal static bool IsNumber(int column) => column >= FirstOfNumbers;

    /// <summary>For F# Interactive, which else shows a list.</summary>
    private string Text => $"\n{this}";

    private static string Padded(string cell, int column, int width) =>
        IsNumber(column) ? cell.PadLeft(width) : cell.PadRight(width);

    internal static string[] Cells(TensorReport row) =>
        [
            row.Name,
            Brief.ofCode(row.Parametrization.ToString()),
            Form.Shown([.. row.Shape]),
            row.Dtype.ToString(),
            row.DistanceShown,
            row.Trained.ToString(CultureInfo.InvariantCulture),
            row.Dimension?.ToString(CultureInfo.InvariantCulture) ?? "unknown",
            .. row.SaturatedShown is { } saturated ? new[] { saturated } : [],
        ];
}

using System.Collections;
using System.Globalization;
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

    /// <summary>A column that is shown only when some entries are saturated.</summary>
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
    /// A table with a line of titles and a line for each tensor; numbers are aligned to the right. The last column, for saturated
    /// entries, is shown only when a tensor has some.
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
    /// A page of HTML: the table, and below it, for each tensor, its singular values and how many of its entries hardly train. The
    /// page needs no other files: the pictures are SVG, and there are no scripts. It follows the light or dark mode of the browser,
    /// and fits a phone.
    /// </summary>
    public string ToHtml(string title = "Parametrizations")
    {
        ArgumentNullException.ThrowIfNull(title);
        return ReportPage.Whole(title, this);
    }

    /// <summary>The table and pictures without title, head and body, to be put into another page.</summary>
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

    /// <summary>The text for F# Interactive, which would otherwise show a list.</summary>
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

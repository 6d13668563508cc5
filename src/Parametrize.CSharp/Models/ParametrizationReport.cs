using System.Collections;
using System.Globalization;
using Microsoft.FSharp.Core;

namespace Parametrize.CSharp;

/// <summary>The parametrized tensors of a model in numbers; prints as a table.</summary>
[StructuredFormatDisplay("{Table}")]
public sealed class ParametrizationReport : IReadOnlyList<TensorReport>
{
    private static readonly string[] Titles = ["tensor", "value", "shape", "dtype", "distance", "trained", "dimension"];

    /// <summary>A column that is there when it has something to warn of.</summary>
    private const string Warning = "saturated";

    private const int FirstOfNumbers = 5;

    private readonly IReadOnlyList<TensorReport> _rows;

    internal ParametrizationReport(IEnumerable<(string Name, ParametrizedTensor Tensor)> tensors) =>
        _rows = [.. tensors.Select(entry => new TensorReport(entry.Name, entry.Tensor))];

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
        string[][] rows = [.. _rows.Select(Cells)];
        string[] titles = rows.Any(row => row.Length > Titles.Length) ? [.. Titles, Warning] : Titles;
        string[][] lines = [titles, .. rows.Select(row => row.Length < titles.Length ? [.. row, ""] : row)];
        var widths = titles.Select((_, column) => lines.Max(line => line[column].Length)).ToArray();
        return string.Join('\n', lines.Select(Line));

        string Line(string[] cells) =>
            string.Join("  ", cells.Select((cell, column) => Padded(cell, column, widths[column]))).TrimEnd();
    }

    /// <summary>For F# Interactive, which else shows a list.</summary>
    private string Table => $"\n{this}";

    private static string Padded(string cell, int column, int width) =>
        column >= FirstOfNumbers ? cell.PadLeft(width) : cell.PadRight(width);

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

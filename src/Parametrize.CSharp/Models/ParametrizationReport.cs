using System.Collections;
using System.Globalization;

namespace Parametrize.CSharp;

/// <summary>The parametrized tensors of a model in numbers; prints as a table.</summary>
public sealed class ParametrizationReport : IReadOnlyList<TensorReport>
{
    private static readonly string[] Titles = ["tensor", "value", "shape", "dtype", "distance", "trained", "dimension"];

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

    /// <summary>A line for each tensor below a line of titles, in columns; numbers end at their right.</summary>
    public override string ToString()
    {
        string[][] lines = [Titles, .. _rows.Select(Cells)];
        var widths = Titles.Select((_, column) => lines.Max(line => line[column].Length)).ToArray();
        return string.Join('\n', lines.Select(Line));

        string Line(string[] cells) =>
            string.Join("  ", cells.Select((cell, column) => Padded(cell, column, widths[column]))).TrimEnd();
    }

    private static string Padded(string cell, int column, int width) =>
        column >= Titles.Length - 2 ? cell.PadLeft(width) : cell.PadRight(width);

    internal static string[] Cells(TensorReport row) =>
        [
            row.Name,
            row.Parametrization.ToString(),
            Form.Shown([.. row.Shape]),
            row.Dtype.ToString(),
            row.DistanceShown,
            row.Trained.ToString(CultureInfo.InvariantCulture),
            row.Dimension?.ToString(CultureInfo.InvariantCulture) ?? "unknown",
        ];
}

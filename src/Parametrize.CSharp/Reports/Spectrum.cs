namespace Parametrize.CSharp.Reports;

/// <summary>The singular values of a tensor, or why there are none.</summary>
internal sealed record Spectrum(IReadOnlyList<double>? Values, long Matrices, string? Missing)
{
    /// <summary>The singular values in descending order; those of all matrices of a batch together.</summary>
    /// <param name="value">The value of the tensor, which distinguishes a batch of matrices from a kernel.</param>
    /// <param name="tensor">On any device.</param>
    /// <param name="upTo">The size of the largest square matrix, or of one that takes as much work.</param>
    public static Spectrum Of(Parametrization value, Tensor tensor, long upTo)
    {
        if (upTo == 0)
            return None("not asked for, by parametrization_report(spectraUpTo: 1024)");
        if (tensor.dim() < 2 || tensor.numel() == 0)
            return None("no matrix");
        using var scope = NewDisposeScope();
        var matrix = IsBatch(value, tensor) ? tensor : tensor.flatten(1);
        var (rows, columns) = (matrix.shape[^2], matrix.shape[^1]);
        var matrices = matrix.numel() / (rows * columns);
        if ((double)matrix.numel() * Math.Min(rows, columns) > Math.Pow(upTo, 3))
            return None(FormattableString.Invariant($"more work than a matrix of {upTo} x {upTo} (spectraUpTo)"));
        if (!matrix.isfinite().all().item<bool>())
            return None("not finite");
        var wide = Tensors.widen(matrix);
        var values = linalg.svdvals(wide).flatten().sort(descending: true).Values.to(ScalarType.Float64);
        return new(Tensors.toArray<double>(values), matrices, null);
    }

    private static Spectrum None(string missing) => new(null, 0, missing);

    /// <summary>
    /// Whether the tensor is a batch of matrices. If not, it is one matrix, out x (in k...), as for a value that has no batches,
    /// and for an entrywise one.
    /// </summary>
    private static bool IsBatch(Parametrization value, Tensor tensor) =>
        tensor.dim() == 2 || Core.isBatched(value) && !value.Program.IsEntrywise;
}

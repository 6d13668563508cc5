namespace Showcase.Metric;

/// <summary>What a metric is worth.</summary>
/// <param name="Accuracy">The share of images whose nearest neighbours tell their digit.</param>
/// <param name="Eigenvalues">Of M, from the smallest on.</param>
internal sealed record MetricResult(double Accuracy, IReadOnlyList<double> Eigenvalues)
{
    /// <summary>How many eigenvalues are negative.</summary>
    public int Negative => Eigenvalues.Count(value => value < 0);

    public static MetricResult Mean(IReadOnlyList<MetricResult> results) =>
        new(
            results.Average(result => result.Accuracy),
            [.. results[0].Eigenvalues.Select((_, index) => results.Average(result => result.Eigenvalues[index]))]
        );
}

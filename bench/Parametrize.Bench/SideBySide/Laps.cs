namespace Parametrize.Bench.SideBySide;

/// <summary>What one alternative took for a run in each round, in microseconds.</summary>
internal sealed record Laps(IReadOnlyList<double> Times)
{
    public double Median => MedianOf(Times);

    /// <summary>The median of the differences within a round, from which what slows the machine cancels.</summary>
    public double MoreThan(Laps other) => MedianOf(Times.Zip(other.Times, (mine, its) => mine - its));

    private static double MedianOf(IEnumerable<double> times)
    {
        var sorted = times.Order().ToArray();
        return (sorted[sorted.Length / 2] + sorted[(sorted.Length - 1) / 2]) / 2;
    }
}

namespace Showcase.Copying;

/// <summary>What a trained kernel can do.</summary>
/// <param name="Kernel">The kernel.</param>
/// <param name="Recalled">The share of symbols that are recalled, of sequences that were not trained on.</param>
/// <param name="CrossEntropy">Of the same symbols, in nats.</param>
/// <param name="Distance">The largest entry of |W^T W - I|.</param>
/// <param name="Growth">The largest factor by which the wait can stretch a state.</param>
internal sealed record CopyingResult(
    Kernel Kernel,
    double Recalled,
    double CrossEntropy,
    double Distance,
    double Growth
)
{
    /// <summary>Cross entropies, one for each step of training.</summary>
    public IReadOnlyList<double> Losses { get; init; } = [];

    public double MillisecondsPerStep { get; init; }

    /// <summary>As tables show it.</summary>
    public string[] Row =>
        [
            Kernel.Name,
            $"{Kernel.LearningRate:0e-0}",
            $"{Recalled:0.0%}",
            $"{CrossEntropy:0.000}",
            $"{Distance:0.0e-0}",
            $"{Growth:0.0e-0}",
            $"{MillisecondsPerStep:0}",
        ];
}

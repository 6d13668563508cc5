using ScottPlot;

namespace Showcase.Gan;

/// <summary>What a generator has learnt.</summary>
/// <param name="Discriminator">How the weights of its opponent are computed.</param>
/// <param name="Distances">Fréchet distances of samples from the digits, during training.</param>
/// <param name="Digits">How many digits there are among the samples: the exponential of the entropy of their shares.</param>
/// <param name="Samples">A picture of some.</param>
internal sealed record GanResult(
    string Discriminator,
    IReadOnlyList<(double Step, double Distance)> Distances,
    double Digits,
    Plot Samples
)
{
    /// <summary>After training.</summary>
    public double Distance => Distances[^1].Distance;

    /// <summary>As tables show it.</summary>
    public string[] Row =>
        [Discriminator, $"{Distance:0.00}", $"{Distances.Min(point => point.Distance):0.00}", $"{Digits:0.0}"];
}

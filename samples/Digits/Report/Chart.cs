using Digits.Training;

namespace Digits.Report;

/// <summary>Something that changes from epoch to epoch, for each map.</summary>
/// <param name="Title">What the chart shows.</param>
/// <param name="Curves">One for each map.</param>
/// <param name="Ticks">Where the y axis has numbers; it starts and ends with them.</param>
/// <param name="Format">How its numbers are written.</param>
/// <param name="Rises">
/// Whether the curves rise, so that the lower right corner is free; if they fall, the upper right one is.
/// </param>
public sealed record Chart(
    string Title,
    IReadOnlyList<Curve> Curves,
    IReadOnlyList<double> Ticks,
    Func<double, string> Format,
    bool Rises
)
{
    private static readonly double[] AllShares = [0, 0.2, 0.4, 0.6, 0.8, 1];
    private static readonly double[] CloseUp = [0.8, 0.85, 0.9, 0.95, 1];
    private static readonly double[] Decades = [-3, -2, -1, 0, 1];

    /// <summary>How many numbers there are on the x axis.</summary>
    public int Epochs => Curves[0].Values.Count;

    /// <summary>How well the maps learn, and how fast.</summary>
    public static IReadOnlyList<Chart> Of(IReadOnlyList<TrainingResult> results) =>
        [
            new(
                "Test accuracy",
                CurvesOf(results, epoch => epoch.TestAccuracy),
                results.All(result => result.TestAccuracy > CloseUp[0]) ? CloseUp : AllShares,
                share => $"{share:0.#%}",
                Rises: true
            ),
            new(
                "Training loss, logarithmic",
                CurvesOf(results, epoch => Math.Clamp(Math.Log10(epoch.Loss), Decades[0], Decades[^1])),
                Decades,
                exponent => $"{Math.Pow(10, exponent):0.###}",
                Rises: false
            ),
        ];

    private static List<Curve> CurvesOf(IEnumerable<TrainingResult> results, Func<EpochResult, double> value) =>
        [.. results.Select(result => new Curve(result.Map, [.. result.Epochs.Select(value)]))];
}

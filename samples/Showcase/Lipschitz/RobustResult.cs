namespace Showcase.Lipschitz;

/// <summary>What a classifier is worth when images are moved.</summary>
/// <param name="Weights">How its weights are computed.</param>
/// <param name="Accuracy">The share of recognised images.</param>
/// <param name="Bound">The bound of its Lipschitz constant.</param>
/// <param name="Radii">How far each test image may be moved for sure, in ascending order.</param>
/// <param name="Withstood">The share that an attack within <see cref="LipschitzExperiment.Radius"/> leaves recognised.</param>
/// <param name="Broken">How many certified images an attack within their radii has changed.</param>
internal sealed record RobustResult(
    string Weights,
    double Accuracy,
    double Bound,
    IReadOnlyList<double> Radii,
    double Withstood,
    long Broken
)
{
    public double MedianRadius => Radii[Radii.Count / 2];

    /// <summary>The share of images that are recognised for sure, moved by so much.</summary>
    public double Certified(double radius) => Radii.Count(certified => certified > radius) / (double)Radii.Count;

    /// <summary>As tables show it.</summary>
    public string[] Row =>
        [
            Weights,
            $"{Accuracy:0.0%}",
            $"{Bound:0.00}",
            $"{MedianRadius:0.000}",
            $"{Certified(LipschitzExperiment.Radius):0.0%}",
            $"{Withstood:0.0%}",
            $"{Broken}",
        ];
}

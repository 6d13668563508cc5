namespace Showcase.Lora;

/// <summary>What merging the saved adapter into the trained model has done.</summary>
/// <param name="LargestError">The largest rounding error of an entry of a weight.</param>
/// <param name="Difference">The largest change of a score of the test images.</param>
internal sealed record Deployment(double LargestError, double Difference);

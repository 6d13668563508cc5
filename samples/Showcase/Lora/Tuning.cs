namespace Showcase.Lora;

/// <summary>What tuning a trained model to another task gives.</summary>
/// <param name="Name">How it was tuned.</param>
/// <param name="Trained">How many numbers are trained.</param>
/// <param name="Bytes">What has to be stored for the task, beside the base model.</param>
/// <param name="Shifted">The share of recognised images of the new task.</param>
/// <param name="Original">The share of recognised images of the old task, by the tuned model.</param>
/// <param name="Accuracies">On the new task, after each epoch.</param>
internal sealed record Tuning(
    string Name,
    long Trained,
    long Bytes,
    double Shifted,
    double Original,
    IReadOnlyList<double> Accuracies
)
{
    /// <summary>As tables show it.</summary>
    public string[] Row => [Name, $"{Shifted:0.0%}", $"{Original:0.0%}", $"{Trained:n0}", $"{Bytes / 1024.0:0.0} kB"];
}

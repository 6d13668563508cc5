using Digits.Model;

namespace Digits.Training;

/// <summary>What training with one map gave.</summary>
/// <param name="Map">How the kernel was computed.</param>
/// <param name="Epochs">The learning curve.</param>
/// <param name="Distance">The largest entry of |W^T W - I| of the trained kernel W.</param>
/// <param name="MillisecondsPerStep">The time for one minibatch, on average.</param>
public sealed record TrainingResult(
    KernelMap Map,
    IReadOnlyList<EpochResult> Epochs,
    double Distance,
    double MillisecondsPerStep
)
{
    public double TestAccuracy => Epochs[^1].TestAccuracy;

    /// <summary>As tables show it.</summary>
    public string[] Row => [Map.Name, $"{TestAccuracy:0.0%}", $"{Distance:0.0e-0}", $"{MillisecondsPerStep:0.0}"];
}

using Flows.Data;
using Parametrize.Flows;

namespace Flows.Training;

/// <summary>A trained flow.</summary>
/// <param name="Loss">The mean loss on the test data, in the unit of the problem.</param>
/// <param name="TrainLoss">The same on the training data.</param>
/// <param name="Parameters">How many numbers are trained.</param>
/// <param name="MillisecondsPerStep">The mean duration of a step.</param>
public sealed record TrainingResult(
    Problem Problem,
    Flow Flow,
    double Loss,
    double TrainLoss,
    long Parameters,
    double MillisecondsPerStep
)
{
    /// <summary>As tables show it.</summary>
    public string[] Row =>
        [
            Problem.Name,
            $"{Loss:0.000} {Problem.Unit}",
            $"{TrainLoss:0.000}",
            Problem.Known,
            $"{Parameters:n0}",
            $"{MillisecondsPerStep:0.0}",
        ];
}

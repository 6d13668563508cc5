using Digits.Training;

namespace Digits.Report;

/// <summary>What an orthogonal kernel should reach with the default options.</summary>
public static class Goals
{
    private const double Accuracy = 0.96;
    private const double Distance = 1e-4;

    /// <summary>Prints whether all orthogonal kernels have met the goals.</summary>
    public static bool Report(IEnumerable<TrainingResult> results)
    {
        var orthogonal = results.Where(result => result.Map.IsOrthogonal).ToList();
        var missed = orthogonal.Where(result => !IsMet(result)).Select(result => result.Map.Name).ToList();
        var goals = $"test accuracy of at least {Accuracy:0%}, distance of at most {Distance:0e-0}";
        if (missed.Count > 0)
            Console.WriteLine($"Goals missed ({goals}): {string.Join(", ", missed)}.");
        else if (orthogonal.Count > 0)
            Console.WriteLine($"Goals met by each orthogonal kernel ({goals}).");
        return missed.Count == 0;
    }

    // A comparison with NaN is false, as it should be.
    private static bool IsMet(TrainingResult result) => result.TestAccuracy >= Accuracy && result.Distance <= Distance;
}

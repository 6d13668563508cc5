using Flows.Training;

namespace Flows.Report;

/// <summary>What a flow should reach with the default options.</summary>
public static class Goals
{
    /// <summary>Prints which flows miss their goals.</summary>
    public static bool AreMet(IReadOnlyList<TrainingResult> results)
    {
        // A comparison with NaN is false, as it should be.
        var missed = results.Where(result => !(result.Loss <= result.Problem.Goal)).ToList();
        foreach (var result in missed)
            Console.WriteLine(
                $"Goal missed: {result.Problem.Name} at {result.Loss:0.000} instead of {result.Problem.Goal} {result.Problem.Unit}."
            );
        if (missed.Count == 0)
            Console.WriteLine("Goals met.");
        return missed.Count == 0;
    }
}

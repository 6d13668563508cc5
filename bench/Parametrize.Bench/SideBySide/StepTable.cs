using Parametrize.Bench.Cases;

namespace Parametrize.Bench.SideBySide;

/// <summary>What a registered parametrization adds to the same formula written into a layer by hand.</summary>
internal static class StepTable
{
    private const double Limit = 10;

    /// <returns>Whether every value stays within the limit.</returns>
    public static bool Print()
    {
        var table = Report.Table(
            $"A training step of a linear layer, n = {StepCase.Size}, microseconds",
            "value",
            "by hand",
            "registered",
            "formula adds",
            "binding adds",
            "in all"
        );
        var holds = true;
        foreach (var step in StepCase.All())
        {
            var laps = Race.Run(TimeSpan.FromSeconds(3), step.StepByHand, step.StepByCore, step.StepRegistered);
            var (byHand, byCore, registered) = (laps[0], laps[1], laps[2]);
            var more = registered.MoreThan(byHand);
            holds &= more <= Limit;
            table.AddRow(
                $"{step}",
                Report.Time(byHand.Median),
                Report.Time(registered.Median),
                Report.Difference(byCore.MoreThan(byHand)),
                Report.Difference(registered.MoreThan(byCore)),
                Report.Difference(more) + (more <= Limit ? "" : " !")
            );
        }
        Report.Print(
            table,
            $"At most {Limit} microseconds are allowed: {(holds ? "all are within" : "some take more (!)")}."
        );
        return holds;
    }
}

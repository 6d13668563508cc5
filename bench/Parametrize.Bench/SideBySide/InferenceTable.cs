using Parametrize.Bench.Cases;
using Parametrize.Bench.Results;
using Parametrize.CSharp;

namespace Parametrize.Bench.SideBySide;

/// <summary>What a model costs when nothing has to be computed.</summary>
internal static class InferenceTable
{
    public static void Print()
    {
        var table = Report.Table(
            "A forward pass without gradients, microseconds",
            "model",
            "plain",
            "in a cached scope",
            "removed",
            Column.Smaller("scope / plain"),
            Column.Smaller("removed / plain")
        );
        foreach (var subject in InferenceCase.All())
        {
            using var _ = parametrize.cached(subject.Parametrized);
            var laps = Race.Run(
                TimeSpan.FromSeconds(4),
                () => subject.Call(subject.Plain),
                () => subject.Call(subject.Parametrized),
                () => subject.Call(subject.Left)
            );
            var (plain, cached, removed) = (laps[0].Median, laps[1].Median, laps[2].Median);
            table.AddRow(
                $"{subject}",
                Report.Time(plain),
                Report.Time(cached),
                Report.Time(removed),
                Report.Factor(cached / plain),
                Report.Factor(removed / plain)
            );
        }
        Report.Print(table, "Each call in a scope looks whether the parts were written to.");
    }
}

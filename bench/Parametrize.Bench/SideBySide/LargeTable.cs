using Parametrize.Bench.Cases;

namespace Parametrize.Bench.SideBySide;

/// <summary>The times of large tensors that the documents tell.</summary>
internal static class LargeTable
{
    public static void Print()
    {
        var table = Report.Table("Large tensors, milliseconds", "what", "ours");
        foreach (var subject in LargeCase.All())
            table.AddRow($"{subject}", Report.Time(Race.Run(TimeSpan.FromSeconds(2), subject.Run)[0].Median / 1000));
        Report.Print(table, "Nothing of PyTorch's is beside them.");
    }
}

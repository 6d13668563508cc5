using Parametrize.Bench.Cases;
using Parametrize.Bench.Results;

namespace Parametrize.Bench.SideBySide;

/// <summary>What computing the tensors of a model as one batch saves.</summary>
internal static class ModelTable
{
    public static void Print()
    {
        var table = Report.Table(
            "A step of SGD of a model of equal layers, microseconds",
            "layers",
            "PyTorch's formula",
            "one by one",
            "as one batch",
            Column.Larger("times faster"),
            Column.Larger("than one by one"),
            "stacked by hand"
        );
        foreach (var model in ModelCase.All())
        {
            var laps = Race.Run(
                TimeSpan.FromSeconds(3),
                model.ByFormula,
                model.OneByOne,
                model.Grouped,
                model.StackedByHand
            );
            var (formula, alone, grouped, stacked) = (laps[0].Median, laps[1].Median, laps[2].Median, laps[3].Median);
            table.AddRow(
                $"{model}",
                Report.Time(formula),
                Report.Time(alone),
                Report.Time(grouped),
                Report.Factor(formula / grouped),
                Report.Factor(alone / grouped),
                Report.Factor(formula / stacked)
            );
        }
        Report.Print(
            table,
            "Times faster than the formula in each layer, the last column as well. Larger layers are computed one by one."
        );
    }
}

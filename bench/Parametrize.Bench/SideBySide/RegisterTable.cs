using System.Diagnostics;
using Parametrize.Bench.Cases;
using Parametrize.Bench.Results;
using Parametrize.CSharp;
using static TorchSharp.torch;

namespace Parametrize.Bench.SideBySide;

/// <summary>What registering takes, of a process that has not registered anything, and of large layers.</summary>
internal static class RegisterTable
{
    /// <summary>To be printed before anything else is registered.</summary>
    public static void Print()
    {
        PrintFirst();
        var table = Report.Table(
            "Registering on a layer of 1024 x 1024, milliseconds",
            "value; formula",
            "formula",
            "registering",
            Column.Smaller("registering / formula")
        );
        foreach (var subject in RegisterCase.All())
        {
            var laps = Race.Run(TimeSpan.FromSeconds(2), subject.Formula, subject.Register);
            var (formula, registering) = (laps[0].Median, laps[1].Median);
            table.AddRow(
                $"{subject}",
                Report.Time(formula / 1000),
                Report.Time(registering / 1000),
                Report.Factor(registering / formula)
            );
        }
        Report.Print(table, "Registering computes the tensor once, and looks whether that is what it was.");
    }

    private static void PrintFirst()
    {
        var layer = nn.Linear(16, 16);
        // The time to load TorchSharp is not counted: it is loaded when the layer is made.
        var clock = Stopwatch.StartNew();
        layer.register_parametrization("weight", Parametrizations.Orthogonal());
        var first = clock.Elapsed.TotalMicroseconds;
        clock.Restart();
        layer.call(ones(1, 16)).Dispose();
        var table = Report.Table("The first of a process, milliseconds", "what", "time on the clock");
        table.AddRow("registering", Report.Time(first / 1000));
        table.AddRow("calling", Report.Time(clock.Elapsed.TotalMicroseconds / 1000));
        Report.Print(table, "Most of it goes into compiling what runs for the first time.");
    }
}

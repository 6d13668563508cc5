using System.Diagnostics;
using System.Globalization;
using Parametrize.Bench.Cases;
using Parametrize.Bench.Results;
using TorchSharp;

namespace Parametrize.Bench.SideBySide;

/// <summary>
/// What a graph keeps between forward and backward, beside PyTorch's formula, and what a pass allocates in managed memory. Each
/// is measured in a process of its own, in which the C library gives back what is freed; on Linux only.
/// </summary>
internal static class MemoryTable
{
    public const string InAProcess = "--memory-in-a-process";

    private static readonly int[] Sizes = [512, 1024];

    public static void Print(Options options)
    {
        if (!OperatingSystem.IsLinux() || options.Device != "cpu")
            return;
        var table = Report.Table(
            "Memory of a map, between forward and backward",
            "map",
            "PyTorch's formula, MB",
            "ours, MB",
            Column.Smaller("ours / formula"),
            "managed, kB a pass"
        );
        foreach (var index in Enumerable.Range(0, Cases().Count))
        {
            var (reference, ours) = (InChild(index, isReference: true), InChild(index, isReference: false));
            table.AddRow(
                $"{Cases()[index]}",
                Report.Time(reference.Native / 1e6),
                Report.Time(ours.Native / 1e6),
                Report.Factor(ours.Native / reference.Native),
                Report.Time(ours.Managed / 1e3)
            );
        }
        Report.Print(table, "The resident memory that forward adds, in the third pass.");
    }

    /// <summary>In the process of its own: prints both numbers.</summary>
    public static int Measure(string[] asked)
    {
        torch.set_num_threads(1);
        torch.random.manual_seed(0);
        var map = Cases()[int.Parse(asked[0], CultureInfo.InvariantCulture)];
        var isReference = bool.Parse(asked[1]);
        var (native, managed) = (0.0, 0.0);
        for (var pass = 0; pass < 3; pass++)
        {
            using var _ = torch.NewDisposeScope();
            var (before, allocated) = (Resident(), GC.GetAllocatedBytesForCurrentThread());
            torch.Tensor made;
            using (torch.NewDisposeScope())
                made = map.Forward(isReference).MoveToOuterDisposeScope();
            managed = GC.GetAllocatedBytesForCurrentThread() - allocated;
            native = Resident() - before;
            made.sum().backward();
        }
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{native} {managed}"));
        return 0;
    }

    private static List<MapCase> Cases() => [.. MapCase.All(Sizes, "cpu").Where(map => map.Rows >= Sizes[0])];

    private static (double Native, double Managed) InChild(int index, bool isReference)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!, [InAProcess, $"{index}", $"{isReference}"])
        {
            RedirectStandardOutput = true,
        };
        start.Environment["MALLOC_MMAP_THRESHOLD_"] = "65536";
        using var process = Process.Start(start)!;
        var numbers = process
            .StandardOutput.ReadToEnd()
            .Split(' ')
            .Select(number => double.Parse(number, CultureInfo.InvariantCulture))
            .ToArray();
        process.WaitForExit();
        return (numbers[0], numbers[1]);
    }

    private static double Resident()
    {
        var pages = File.ReadAllText("/proc/self/statm").Split(' ')[1];
        return double.Parse(pages, CultureInfo.InvariantCulture) * Environment.SystemPageSize;
    }
}

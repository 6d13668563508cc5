using BenchmarkDotNet.Running;
using Parametrize.Bench;
using Parametrize.Bench.Full;
using Parametrize.Bench.Results;
using Parametrize.Bench.SideBySide;
using TorchSharp;

// A process of its own, in which memory is measured.
if (args is [MemoryTable.InAProcess, .. var asked])
    return MemoryTable.Measure(asked);
return BenchCommand.Run(args, SideBySide, Full);

// The exit code is 0 when registering costs no more than it may, and nothing is slower than in the run it is compared with.
static int SideBySide(Options options)
{
    var earlier = options.Compare is { } file ? Measured.Read(file) : null;
    torch.set_num_threads(options.Threads);
    torch.random.manual_seed(0);
    Report.PrintMachine(options.Device);
    var holds = true;
    foreach (var (name, print) in Tables.All)
        if (options.Tables.Contains(name))
        {
            // A scope of all tensors would hold those of the tables before, too.
            GC.Collect();
            GC.WaitForPendingFinalizers();
            holds &= print(options);
        }
    if (options.Csv is { } csv)
        Measured.Write(csv, Report.Figures);
    if (earlier is not null)
        holds &= ComparisonTable.Print(earlier, options.Compare!);
    return holds ? 0 : 1;
}

static int Full(string[] options)
{
    torch.set_num_threads(1);
    var choice = options.Length == 0 ? ["--filter", "*"] : options;
    var summaries = BenchmarkSwitcher.FromAssembly(typeof(Benchmarks).Assembly).Run(choice, InProcess.Config);
    return summaries.Any(summary => summary.HasCriticalValidationErrors) ? 1 : 0;
}

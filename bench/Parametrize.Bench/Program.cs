using BenchmarkDotNet.Running;
using Parametrize.Bench.Full;
using Parametrize.Bench.SideBySide;
using TorchSharp;

torch.set_num_threads(1);
torch.random.manual_seed(0);
return args switch
{
    [] => SideBySide(),
    ["models"] => Models(),
    ["full", .. var options] => Full(options),
    _ => Usage(),
};

// The exit code is 0 when registering costs no more than it may.
static int SideBySide()
{
    Report.PrintMachine();
    RegisterTable.Print();
    var holds = StepTable.Print();
    MapTable.Print();
    ModelTable.Print();
    CachedTable.Print();
    FlowTable.Print();
    PruneTable.Print();
    GrowthTable.Print();
    return holds ? 0 : 1;
}

static int Models()
{
    ModelTable.Print();
    return 0;
}
static int Full(string[] options)
{
    var choice = options.Length == 0 ? ["--filter", "*"] : options;
    var summaries = BenchmarkSwitcher.FromAssembly(typeof(Benchmarks).Assembly).Run(choice, InProcess.Config);
    return summaries.Any(summary => summary.HasCriticalValidationErrors) ? 1 : 0;
}

static int Usage()
{
    Console.Error.WriteLine("Usage: bench [full [OPTIONS OF BENCHMARKDOTNET]]");
    Console.Error.WriteLine("Without arguments: tables side by side, in about a minute. full: BenchmarkDotNet.");
    return 2;
}

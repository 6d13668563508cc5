using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Toolchains.InProcess.Emit;

namespace Parametrize.Bench.Full;

/// <summary>Short runs in this process: the programs that BenchmarkDotNet generates would not load libtorch.</summary>
internal static class InProcess
{
    public static IConfig Config =>
        DefaultConfig.Instance.AddJob(Job.ShortRun.WithToolchain(InProcessEmitToolchain.Instance));
}

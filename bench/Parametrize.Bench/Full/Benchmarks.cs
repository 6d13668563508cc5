using BenchmarkDotNet.Attributes;
using Parametrize.Bench.Cases;
using TorchSharp;

namespace Parametrize.Bench.Full;

/// <summary>One table of measurements for each of the cases.</summary>
public abstract class Benchmarks
{
    [GlobalSetup]
    public void OneThread() => torch.set_num_threads(1);
}

public class StepBenchmarks : Benchmarks
{
    [ParamsSource(nameof(Cases))]
    public object Case { get; set; } = null!;

    public static IEnumerable<object> Cases => StepCase.All();

    [Benchmark(Baseline = true)]
    public void ByHand() => ((StepCase)Case).StepByHand();

    [Benchmark]
    public void ByCore() => ((StepCase)Case).StepByCore();

    [Benchmark]
    public void Registered() => ((StepCase)Case).StepRegistered();
}

public class MapBenchmarks : Benchmarks
{
    [ParamsSource(nameof(Cases))]
    public object Case { get; set; } = null!;

    public static IEnumerable<object> Cases => MapCase.All([16, 64, 128, 256], "cpu");

    [Benchmark(Baseline = true)]
    public void PyTorch() => ((MapCase)Case).Reference();

    [Benchmark]
    public void Ours() => ((MapCase)Case).Ours();

    [Benchmark]
    public void Product() => ((MapCase)Case).Product();
}

public class CachedBenchmarks : Benchmarks
{
    [ParamsSource(nameof(Cases))]
    public object Case { get; set; } = null!;

    public static IEnumerable<object> Cases => CachedCase.All();

    [Benchmark(Baseline = true)]
    public void Computed() => ((CachedCase)Case).Computed();

    [Benchmark]
    public void Cached() => ((CachedCase)Case).Cached();

    [Benchmark]
    public void Plain() => ((CachedCase)Case).Plain();
}

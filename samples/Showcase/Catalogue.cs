using Showcase.Experiments;

namespace Showcase;

/// <summary>The experiments that there are.</summary>
internal static class Catalogue
{
    public static IReadOnlyList<IExperiment> All { get; } =
    [
        new Copying.CopyingExperiment(),
        new Lora.LoraExperiment(),
        new Gan.GanExperiment(),
        new Metric.MetricExperiment(),
        new Lottery.LotteryExperiment(),
        new Lipschitz.LipschitzExperiment(),
        new Compress.CompressExperiment(),
    ];
}

using Parametrize.CSharp;
using Samples.Data;
using Samples.Training;
using Showcase.Experiments;
using Showcase.Nets;
using static TorchSharp.torch;

namespace Showcase.Compress;

/// <summary>Trains a wide net, limits the rank of its large weights, and trains small nets of the same size.</summary>
internal sealed class Compressor(DigitsData data, Setting setting)
{
    private const int Hidden = 256;

    private readonly int _epochs = setting.Choose(40, 1);
    private readonly int _more = setting.Choose(15, 1);

    /// <summary>The numbers of the net before.</summary>
    public static long FullSize => DenseNet.Size(Hidden);

    /// <summary>The error before, and for each rank what has become of it.</summary>
    public (double Full, IReadOnlyList<CompressResult> Results) Run(
        IReadOnlyList<long> ranks,
        int seed,
        SideBySide.Report report
    )
    {
        using var full = Trained(Hidden, seed, _epochs);
        report(1, ranks.Count + 1, $"error {Error(full):0.0%}");
        var results = new List<CompressResult>();
        foreach (var rank in ranks)
        {
            results.Add(Compressed(full, rank, seed));
            report(results.Count + 1, ranks.Count + 1, $"rank {rank}: error {results[^1].TrainedOn:0.0%}");
        }
        return (Error(full), results);
    }

    private CompressResult Compressed(DenseNet full, long rank, int seed)
    {
        using var limited = SideBySide.Draw(seed, () => new DenseNet(Hidden));
        limited.load_state_dict(full.state_dict());
        foreach (var name in Large)
            limited.register_parametrization(name, Parametrizations.LowRank(rank));
        var cut = Error(limited);
        new Training(_more, 1e-3, seed).Run(limited, data.Train);

        var size = Size(rank);
        using var small = Trained(HiddenOf(size), seed, _epochs + _more);
        return new(rank, size, cut, Error(limited), Error(small));
    }

    private DenseNet Trained(int hidden, int seed, int epochs)
    {
        var net = SideBySide.Draw(seed, () => new DenseNet(hidden));
        new Training(epochs, 2e-3, seed).Run(net, data.Train);
        return net;
    }

    /// <summary>
    /// The names of the weights whose rank is limited. The last weight is left out, because it has few numbers.
    /// </summary>
    private static IEnumerable<string> Large => DenseNet.Weights.Take(2);

    /// <summary>How many numbers the net has when each large weight is stored as two factors.</summary>
    private static long Size(long rank)
    {
        using var net = new DenseNet(Hidden);
        return net.state_dict()
            .Sum(entry => Large.Contains(entry.Key) ? rank * entry.Value.shape.Sum() : entry.Value.numel());
    }

    /// <summary>The widest net that has no more numbers.</summary>
    private static int HiddenOf(long size) => Enumerable.Range(1, Hidden).Last(hidden => DenseNet.Size(hidden) <= size);

    private double Error(DenseNet net) => 1 - Classification.Accuracy(net, data.Test);
}

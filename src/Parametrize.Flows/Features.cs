using static TorchSharp.torch;

namespace Parametrize.Flows;

/// <summary>The second dimension of a batch: the features of vectors, the channels of images.</summary>
internal static class Features
{
    /// <summary>Returns the shape if it has this number of features; else throws.</summary>
    public static long[] Require(long[] datum, long features, FlowLayer owner)
    {
        ArgumentNullException.ThrowIfNull(datum);
        return datum.Length > 0 && datum[0] == features
            ? datum
            : throw new ArgumentException(
                $"{owner} takes data with {features} features in the first dimension of a datum; found {Batches.Shown(datum)}."
            );
    }

    /// <summary>`[features, ...]` as `[1, features, 1, ..., ...]`, beside a batch.</summary>
    public static Tensor AlongSecond(Tensor ofFeatures, Tensor batch) =>
        ofFeatures.reshape([1, ofFeatures.shape[0], .. batch.shape[2..].Select(_ => 1L), .. ofFeatures.shape[1..]]);

    /// <summary>The output of a network, `[N, features * count, ...]`, as `[N, features, ..., count]`.</summary>
    public static Tensor Parameters(Tensor told, Tensor data, long features, long count, FlowLayer owner)
    {
        Batches.Require(
            told,
            [features * count, .. data.shape[2..]],
            $"The network of {owner} has to yield",
            "network"
        );
        if (told.size(0) != data.size(0))
            throw new ArgumentException(
                $"The network of {owner} has to yield a row for each of {data.size(0)} data; found {Batches.Shown(told.shape)}.",
                nameof(told)
            );
        return told.reshape([data.shape[0], features, count, .. data.shape[2..]]).movedim([2L], [-1L]);
    }
}

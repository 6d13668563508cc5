using static TorchSharp.torch;

namespace Samples.Data;

/// <summary>Images and what they show.</summary>
/// <param name="Pixels">Image by pixel, from 0 to 1.</param>
/// <param name="Labels">The digit of each image.</param>
public sealed record LabelledImages(Tensor Pixels, Tensor Labels) : IDisposable
{
    /// <summary>The number of images.</summary>
    public long Count => Labels.shape[0];

    /// <summary>Random minibatches that together show each image once. Each is disposed when the next one is asked for.</summary>
    public IEnumerable<LabelledImages> Batches(int size, Random random)
    {
        var order = Enumerable.Range(0, (int)Count).Select(index => (long)index).ToArray();
        random.Shuffle(order);
        foreach (var chunk in order.Chunk(size))
        {
            using var indices = tensor(chunk, device: Labels.device);
            using var batch = At(indices);
            yield return batch;
        }
    }

    /// <summary>The images at the given positions.</summary>
    public LabelledImages At(Tensor indices) => new(Pixels.index_select(0, indices), Labels.index_select(0, indices));

    public void Dispose()
    {
        Pixels.Dispose();
        Labels.Dispose();
    }
}

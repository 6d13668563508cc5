using Samples.Data;
using static TorchSharp.torch;

namespace Showcase.Metric;

/// <summary>Images in uneven light: each is brighter or darker by a plane over its pixels, which says nothing of the digit.</summary>
internal static class Lighting
{
    private const int Side = 8;
    private const double Deviation = 0.5;

    /// <summary>The same images, each with a light of its own.</summary>
    public static LabelledImages Uneven(LabelledImages images, Generator generator)
    {
        using var scope = NewDisposeScope();
        var along = linspace(-1, 1, Side);
        var planes = stack([ones(Side * Side), along.repeat(Side), along.repeat_interleave(Side)]);
        var lights = randn([images.Count, planes.shape[0]], generator: generator) * Deviation;
        return new(
            (images.Pixels + lights.mm(planes)).MoveToOuterDisposeScope(),
            images.Labels.clone().MoveToOuterDisposeScope()
        );
    }
}

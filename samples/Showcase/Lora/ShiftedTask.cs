using Samples.Data;
using static TorchSharp.torch;

namespace Showcase.Lora;

/// <summary>The digits in negative, with rows and columns exchanged.</summary>
internal static class ShiftedTask
{
    private const int Side = 8;

    public static LabelledImages Of(LabelledImages images)
    {
        using var scope = NewDisposeScope();
        var negative = 1 - images.Pixels;
        return new(
            negative.reshape(-1, Side, Side).mT.reshape(-1, Side * Side).MoveToOuterDisposeScope(),
            images.Labels.clone().MoveToOuterDisposeScope()
        );
    }
}

using static TorchSharp.torch;

namespace Parametrize.CSharp.Torch;

/// <summary>Other numbers in a tensor that optimizers, state dictionaries or users have got hold of.</summary>
internal static class Overwriting
{
    /// <summary>Of another shape, or expanded, it gets memory of its own.</summary>
    public static void WriteOver(this Tensor tensor, Tensor value)
    {
        using var _ = no_grad();
        if (tensor.shape.SequenceEqual(value.shape) && !tensor.IsExpanded())
        {
            tensor.copy_(value);
            return;
        }
        using var own = value.Copied();
        tensor.set_(own);
    }

    /// <summary>Whether entries share memory, so that they cannot be written.</summary>
    private static bool IsExpanded(this Tensor tensor) =>
        tensor.shape.Zip(tensor.stride()).Any(dimension => dimension is { First: > 1, Second: 0 });
}

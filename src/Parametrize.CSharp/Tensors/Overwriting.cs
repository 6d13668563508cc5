using static TorchSharp.torch;

namespace Parametrize.CSharp;

/// <summary>Other numbers in a tensor that optimizers, state dictionaries or users have got hold of.</summary>
internal static class Overwriting
{
    /// <summary>Of another shape, it shares the memory of the value.</summary>
    public static void WriteOver(this Tensor tensor, Tensor value)
    {
        using var _ = no_grad();
        if (tensor.shape.SequenceEqual(value.shape))
            tensor.copy_(value);
        else
            tensor.set_(value);
    }
}

using static TorchSharp.torch;

namespace Parametrize.CSharp.Torch;

/// <summary>Tensors that are out of use, while an optimizer or a user may have the object.</summary>
internal static class Emptying
{
    /// <summary>Frees the numbers and the gradient.</summary>
    public static void Empty(this Tensor tensor)
    {
        using var _ = no_grad();
        using var nothing = empty(0L, dtype: tensor.dtype, device: tensor.device);
        tensor.set_(nothing);
        tensor.grad = null;
    }
}

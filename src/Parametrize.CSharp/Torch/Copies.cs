using static TorchSharp.torch;

namespace Parametrize.CSharp.Torch;

/// <summary>Copying tensors.</summary>
internal static class Copies
{
    /// <summary>A copy without gradients, elsewhere if need be, that no dispose scope ends.</summary>
    public static Tensor Copied(this Tensor tensor, Device? device = null)
    {
        using var numbers = tensor.detach();
        return numbers.to(tensor.dtype, device ?? tensor.device, copy: true).DetachFromDisposeScope();
    }
}

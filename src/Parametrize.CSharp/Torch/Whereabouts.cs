using static TorchSharp.torch;

namespace Parametrize.CSharp.Torch;

/// <summary>Comparing tensors without their data.</summary>
internal static class Whereabouts
{
    public static bool IsOnDeviceOf(this Tensor tensor, Tensor other) =>
        tensor.device_type == other.device_type && tensor.device_index == other.device_index;

    /// <summary>Of the same element type and on the same device.</summary>
    public static bool IsOfTheKindOf(this Tensor tensor, Tensor other) =>
        tensor.dtype == other.dtype && tensor.IsOnDeviceOf(other);
}

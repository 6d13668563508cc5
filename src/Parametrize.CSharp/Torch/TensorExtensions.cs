namespace Parametrize.CSharp.Torch;

/// <summary>
/// Small functions that TorchSharp's tensors lack: copying, comparing element type and device, writing over a tensor.
/// </summary>
internal static class TensorExtensions
{
    /// <summary>A contiguous copy without gradients, on another device if one is given, that no dispose scope disposes.</summary>
    public static Tensor Copied(this Tensor tensor, Device? device = null)
    {
        using var numbers = tensor.detach();
        return numbers.to(tensor.dtype, device ?? tensor.device, copy: true).InOrder().DetachFromDisposeScope();
    }

    /// <summary>
    /// The tensor, which is disposed, with its numbers in the order of its entries: TorchSharp's `save` and `bytes` read no other.
    /// </summary>
    public static Tensor InOrder(this Tensor tensor)
    {
        using (tensor)
            return tensor.contiguous();
    }

    /// <summary>Why an entry of a dictionary is no tensor; null when it is one.</summary>
    public static string? WhyInvalid(this Tensor? tensor) =>
        tensor is null ? "is null"
        : tensor.IsInvalid ? "has been disposed"
        : null;

    public static bool IsOnDeviceOf(this Tensor tensor, Tensor other) =>
        tensor.device_type == other.device_type && tensor.device_index == other.device_index;

    /// <summary>Whether two tensors have the same element type and device.</summary>
    public static bool HasSameTypeAndDevice(this Tensor tensor, Tensor other) =>
        tensor.dtype == other.dtype && tensor.IsOnDeviceOf(other);

    /// <summary>Whether a tensor is another one, moved: the same numbers in another element type or on another device.</summary>
    public static bool IsMovedFrom(this Tensor moved, Tensor tensor)
    {
        if (moved.device_type is TorchSharp.DeviceType.META)
            return true; // It has no numbers.
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var numbers = tensor.to(moved.dtype, moved.device);
        return numbers.shape.SequenceEqual(moved.shape) && numbers.allclose(moved, 0, 0, equal_nan: true);
    }

    /// <summary>
    /// Writes a value into a tensor object that optimizers, state dictionaries or users refer to. If the shape differs, or the
    /// tensor is expanded, it gets new memory. A gradient of another shape is dropped.
    /// </summary>
    public static void WriteOver(this Tensor tensor, Tensor value)
    {
        using var _ = no_grad();
        if (tensor.shape.SequenceEqual(value.shape) && !tensor.IsExpanded())
        {
            // A view of the tensor may have its numbers in another order.
            using var apart = Versions.SharesCounter(tensor, value) ? value.Copied() : null;
            tensor.copy_(apart ?? value);
            return;
        }
        if (!tensor.shape.SequenceEqual(value.shape))
            tensor.grad = null;
        using var own = value.Copied();
        tensor.set_(own);
    }

    /// <summary>Whether entries share memory, so that they cannot be written.</summary>
    private static bool IsExpanded(this Tensor tensor) =>
        tensor.shape.Zip(tensor.stride()).Any(dimension => dimension is { First: > 1, Second: 0 });

    /// <summary>Frees the data and the gradient of a tensor object to which an optimizer or a user may still refer.</summary>
    public static void Empty(this Tensor tensor)
    {
        using var _ = no_grad();
        using var nothing = empty(0L, dtype: tensor.dtype, device: tensor.device);
        tensor.set_(nothing);
        tensor.grad = null;
    }
}

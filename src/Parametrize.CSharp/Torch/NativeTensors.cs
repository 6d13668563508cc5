namespace Parametrize.CSharp.Torch;

/// <summary>
/// The native tensors of managed ones. A handle is the address of an at::Tensor, which is one pointer to the tensor's data
/// structure. Several managed objects can share one native tensor.
/// </summary>
internal static class NativeTensors
{
    private static readonly Lazy<bool> IsOnePointer = new(TrySwapping);

    /// <summary>Whether two managed objects stand for one native tensor, not merely the same memory.</summary>
    public static bool IsSameTensor(Tensor left, Tensor right) =>
        ReferenceEquals(left, right) || !left.IsInvalid && !right.IsInvalid && Identity(left) == Identity(right);

    /// <summary>An address that is equal for all managed objects of one native tensor.</summary>
    public static IntPtr Identity(Tensor tensor) => Marshal.ReadIntPtr(tensor.Handle);

    /// <summary>Takes managed objects of one native tensor for equal: an Embedding shows its weight as another object each time.</summary>
    public static IEqualityComparer<Tensor> Comparer { get; } =
        EqualityComparer<Tensor>.Create(
            (left, right) => left is not null && right is not null && IsSameTensor(left, right),
            tensor => tensor.IsInvalid ? 0 : Identity(tensor).GetHashCode()
        );

    /// <summary>
    /// Exchanges the native tensors of two managed objects. Their handles stay: optimizers keep their state by handle.
    /// </summary>
    public static void Swap(Tensor left, Tensor right)
    {
        var (ofLeft, ofRight) = (Marshal.ReadIntPtr(left.Handle), Marshal.ReadIntPtr(right.Handle));
        Marshal.WriteIntPtr(left.Handle, ofRight);
        Marshal.WriteIntPtr(right.Handle, ofLeft);
    }

    /// <summary>Throws when this libtorch has tensors of another layout.</summary>
    public static void Check()
    {
        if (!IsOnePointer.Value)
            throw new PlatformNotSupportedException(
                $"TorchSharp {typeof(nn.Module).Assembly.GetName().Version} comes with a libtorch whose tensors "
                    + "Parametrize cannot exchange, so that modules in native memory cannot be bound. Use TorchSharp "
                    + "0.107, or compute with a ParametrizedTensor in a module of your own."
            );
    }

    /// <summary>A new managed object for a tensor of a native module, or null. The caller disposes it.</summary>
    public static Parameter? Find(nn.Module module, string name)
    {
        Parameter? found = null;
        foreach (var (key, parameter) in ModuleInternals.NativeParameters(module))
            if (key == name)
                found = (Parameter)parameter.DetachFromDisposeScope();
            else
                parameter.Dispose();
        return found;
    }

    private static bool TrySwapping()
    {
        using var _ = NewDisposeScope();
        var (single, pair) = (ones(1, device: CPU), ones(2, device: CPU));
        Swap(single, pair);
        return single.numel() == 2 && pair.numel() == 1;
    }
}

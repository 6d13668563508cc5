using System.Reflection;

namespace Parametrize.CSharp.Binding;

/// <summary>
/// A tensor in native memory with a managed property (embeddings, recurrent cells). The property's setter replaces the
/// tensor that the native forward pass reads, and registers it; its getter makes a new managed object each time.
/// </summary>
/// <remarks>
/// The native module still lists its first tensor, which is the user's parameter, and moves it. It computes with that tensor only
/// while the property holds it.
/// </remarks>
internal sealed class PropertySlot(nn.Module owner, string name, PropertyInfo property)
    : Slot(owner, name, isBuffer: false)
{
    private readonly NativeSetter _setter = new(property);
    private Parameter? _present;

    /// <summary>
    /// An embedding of pretrained weights (TorchSharp 0.107.0) freezes the tensor that it computes with, and registers another one.
    /// </summary>
    public override bool IsTrained(Tensor own)
    {
        if (!own.requires_grad || Owner is not { } owner)
            return own.requires_grad;
        using var read = (Parameter?)property.GetValue(owner);
        return read is not { requires_grad: false };
    }

    /// <summary>
    /// The tensor that a user has assigned, which the setter has put into the registry; else the tensor that was put here.
    /// </summary>
    public override Tensor? Get() =>
        Owner is not { } owner ? null
        : ModuleInternals.ParameterOf(owner, Name) is not { } assigned ? _present
        : assigned.IsInvalid ? ReadAgain(owner)
        : assigned;

    public override void Set(Parameter tensor)
    {
        if (Owner is not { } owner)
            return;
        _setter.Set(owner, tensor);
        _present = tensor;
    }

    public override bool Shows(Tensor tensor) => _present is not null && NativeTensors.IsSameTensor(tensor, _present);

    /// <summary>
    /// The shape of the tensor itself. libtorch would refuse another shape, but the native forward pass of LSTMCell (TorchSharp
    /// 0.107.0) then returns uninitialized memory.
    /// </summary>
    protected override long[] PlaceholderShape(long[] shape) => shape;

    /// <summary>
    /// Reads the property again: a dispose scope has disposed the assigned managed object, but the native module still has the
    /// tensor.
    /// </summary>
    private Parameter? ReadAgain(nn.Module owner)
    {
        var read = (Parameter?)property.GetValue(owner);
        read?.DetachFromDisposeScope();
        if (read is not null)
            ModuleInternals.Parameters(owner)[Name] = read;
        return read;
    }

    protected override void PutBack(nn.Module owner, Tensor tensor)
    {
        property.SetValue(owner, tensor);
        _present = null;
    }
}

/// <summary>
/// Replaces the tensor with which a native module computes, as the setter of its property does, but does not register it: another
/// thread that reads the registry would see the tensor appear and disappear in each forward pass.
/// </summary>
internal sealed class NativeSetter(PropertyInfo property)
{
    private static readonly Type? Imported = typeof(nn.Module).Assembly.GetType("TorchSharp.PInvoke.NativeMethods");

    private readonly MethodInvoker _method = Of(property);

    public void Set(nn.Module module, Parameter tensor)
    {
        _method.Invoke(null, ModuleInternals.HandleOf(module), tensor.Handle);
        CheckForErrors();
    }

    private static MethodInvoker Of(PropertyInfo property)
    {
        var name = $"THSNN_{property.DeclaringType!.Name}_set_{property.Name}";
        var method =
            Imported?.GetMethod(name, BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic)
            ?? throw ModuleInternals.Missing(name);
        return MethodInvoker.Create(method);
    }
}

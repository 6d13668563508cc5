namespace Parametrize.CSharp.Binding;

/// <summary>The registry as a slot, for a module that has no field for the tensor and calls `get_parameter`.</summary>
internal sealed class RegistrySlot(nn.Module owner, string name, bool isBuffer) : Slot(owner, name, isBuffer)
{
    public override bool NeedsTensor => false;

    public override bool MayBeEmpty => true;

    public override Tensor? Get() => Owner is { } owner ? Registered(owner) : null;

    public override void Set(Parameter tensor)
    {
        if (Owner is not { } owner)
            return;
        if (tensor is Placeholder)
            Unregister();
        else if (IsBuffer)
            ModuleInternals.Buffers(owner)[Name] = (tensor, true);
        else
            ModuleInternals.Parameters(owner)[Name] = tensor;
    }

    protected override void PutBack(nn.Module owner, Tensor tensor) { }
}

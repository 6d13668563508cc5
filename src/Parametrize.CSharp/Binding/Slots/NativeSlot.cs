namespace Parametrize.CSharp.Binding;

/// <summary>
/// A tensor in native memory, which cannot be replaced by a managed object (RNN, LSTM, GRU, attention, transformers). The computed
/// tensor is copied into it, and autograd records the copy, so that gradients flow.
/// </summary>
/// <remarks>
/// The graph of a pass refers to the native tensor itself, so the native tensor keeps the value until the next pass; if it were
/// emptied earlier, the gradients would be lost. Two passes before one backward overwrite what the first has saved, which
/// autograd reports ("modified by an inplace operation"); in a cached scope both use one value.
/// </remarks>
internal sealed class NativeSlot(nn.Module owner, string name) : Slot(owner, name, isBuffer: false)
{
    /// <summary>A managed object of this library for the native module's tensor, while the tensor is parametrized.</summary>
    private Parameter? _native;
    private Parameter? _present;

    /// <summary>
    /// Whether a graph may need the numbers that are there: also those of a frozen tensor, for the gradients of other tensors.
    /// </summary>
    private bool _isRecorded;

    public override bool IsNative => true;

    public override Tensor? Get() => (Owner is { } owner ? ModuleInternals.ParameterOf(owner, Name) : null) ?? _present;

    public override void Set(Parameter tensor)
    {
        if (_native is null)
            return;
        _present = tensor;
        if (tensor is not Placeholder)
        {
            _native.detach_();
            _native.copy_(tensor);
            _isRecorded = is_grad_enabled();
        }
        else if (!_isRecorded)
            using (no_grad())
                _native.fill_(Scalars.scalarOf(double.NaN));
    }

    public override bool Shows(Tensor tensor) => _native is not null && NativeTensors.IsSameTensor(tensor, _native);

    /// <summary>
    /// The user's parameter goes on as the same managed object at the same native address, by which optimizers know it,
    /// with a tensor apart from the native module's.
    /// </summary>
    public override void Take(Tensor tensor)
    {
        base.Take(tensor);
        _native = NativeTensors.Find(Owner!, Name)!;
        if (NativeTensors.IsSameTensor(tensor, _native))
            using (no_grad())
            {
                using var apart = tensor.clone().requires_grad_(tensor.requires_grad);
                NativeTensors.Swap(tensor, apart);
            }
        _native.detach_();
        _native.requires_grad_(false);
        _native.grad = null;
    }

    public override void Release()
    {
        _native?.Dispose();
        (_native, _present) = (null, null);
    }

    protected override void PutBack(nn.Module owner, Tensor tensor)
    {
        using var _ = no_grad();
        // Another slot may have taken it out, when several registrations are undone.
        using var native = _native ?? NativeTensors.Find(owner, Name)!;
        _native = null;
        _present = null;
        var isTrained = tensor.requires_grad;
        native.detach_();
        if (native.shape.SequenceEqual(tensor.shape))
            native.copy_(tensor);
        else
            native.set_(tensor);
        native.requires_grad_(isTrained);
        using var gradient = tensor.grad;
        native.grad = gradient;
        // After the swap, the parameter's former tensor belongs to `native`, which is disposed here.
        NativeTensors.Swap(tensor, native);
    }
}

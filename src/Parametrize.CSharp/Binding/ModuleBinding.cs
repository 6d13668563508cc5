using static TorchSharp.torch;

namespace Parametrize.CSharp.Binding;

/// <summary>
/// Keeps one parametrized tensor and the module that computes with it together: the tensor is put into the module's
/// field while `call` runs, or until a cached scope ends, and taken out again.
/// </summary>
internal sealed class ModuleBinding : ICached
{
    private readonly ParametrizedTensor _tensor;
    private readonly Slot _slot;
    private readonly Lock _gate = new();
    private Hooks? _hooks;
    private Placeholder? _placeholder;
    private Shown? _shown;
    private CachedScope? _holder;

    public ModuleBinding(ParametrizedTensor tensor, Slot slot) => (_tensor, _slot) = (tensor, slot);

    public string Name => _slot.Name;

    /// <summary>The tensor's name in messages.</summary>
    public string Where => $"{_slot.Owner?.GetName()}.{_slot.Name}";

    public bool ShowsAt(Tensor tensor) =>
        ReferenceEquals(tensor, _placeholder) || ReferenceEquals(tensor, _shown) || _slot.Shows(tensor);

    /// <summary>Takes the module's tensor out and the hooks in.</summary>
    public void Attach(nn.Module owner, Tensor tensor)
    {
        _slot.Take(tensor);
        Stand();
        _hooks = Hooks.Around(owner, Enter, Exit);
        _tensor.Binding = this;
    }

    /// <summary>Gives the module, which is returned, a tensor of its own again.</summary>
    public nn.Module? Detach(Tensor tensor)
    {
        _holder = null;
        Hide();
        _hooks?.Remove();
        _slot.Restore(tensor);
        _placeholder?.Retire();
        _tensor.Binding = null;
        return _slot.Owner;
    }

    /// <summary>A new tensor for a reader: a view of the held one in a cached scope.</summary>
    public Tensor Read()
    {
        Follow();
        lock (_gate)
        {
            if (CachedScope.For(_tensor) is { } scope)
                Hold(scope);
            return _holder is null ? _tensor.Evaluate() : _shown!.alias();
        }
    }

    public void Hold(CachedScope scope)
    {
        lock (_gate)
        {
            if (_holder is not null)
                return;
            Hide();
            // With gradients in any case: a first use without them must not take them from the others.
            using (enable_grad())
                Show();
            _holder = scope;
            scope.Add(this);
        }
    }

    public void Forget()
    {
        lock (_gate)
        {
            if (_holder is null)
                return;
            _holder = null;
            Hide();
        }
    }

    /// <summary>The tensor has moved by itself; what stands for it in the module goes along.</summary>
    public void Moved()
    {
        _holder = null;
        Hide();
    }

    /// <summary>
    /// Sees what others have done to the module's field: moving the module has replaced the placeholder by an empty
    /// tensor elsewhere; a user has assigned a tensor, of which the right inverse is taken.
    /// </summary>
    public void Follow()
    {
        var found = _slot.Get();
        if (found is null)
            Refill();
        if (found is null || ReferenceEquals(found, _placeholder) || ReferenceEquals(found, _shown))
            return;

        var input = _tensor.Inputs[0];
        var moved =
            found.dtype != input.dtype
            || found.device_type != input.device_type
            || found.device_index != input.device_index;
        var isAssignment = found.numel() > 0 && (_shown is null || !moved);
        _holder = null;
        _slot.Unregister();
        Hide();
        if (isAssignment)
        {
            _tensor.Value = found;
            return;
        }
        _tensor.MoveTo(found.dtype, found.device);
        found.Dispose();
    }

    /// <summary>Assigning null to a parametrized tensor (`layer.bias = null`) has no meaning: it is undone.</summary>
    private void Refill()
    {
        var spent = new StandIn?[] { _placeholder, _shown }
            .Where(one => one is { IsSpent: true })
            .ToList();
        if (spent.Count == 0)
            return;
        spent.ForEach(one => one!.Restore());
        _holder = null;
        Hide();
    }

    private void Enter()
    {
        Follow();
        if (CachedScope.For(_tensor) is { } scope)
            Hold(scope);
        else if (_holder is null)
        {
            // A forward pass that threw has left its tensor behind.
            Hide();
            Show();
        }
    }

    private void Exit()
    {
        if (_holder is null)
            Hide();
    }

    private void Show()
    {
        _shown = new Shown(_slot, _tensor.Evaluate());
        _slot.Set(_shown);
    }

    private void Hide()
    {
        Stand();
        _shown?.Retire();
        _shown = null;
    }

    /// <summary>Puts the placeholder into the field, a new one when the tensor has moved.</summary>
    private void Stand()
    {
        var input = _tensor.Inputs[0];
        if (input.IsInvalid)
            return; // The module was disposed before the scope that held its value.
        var isCurrent =
            _placeholder is { IsSpent: false }
            && (
                !_slot.NeedsTensor
                || _placeholder.dtype == input.dtype
                    && _placeholder.device_type == input.device_type
                    && _placeholder.device_index == input.device_index
            );
        if (!isCurrent)
        {
            _placeholder?.Retire();
            _placeholder = new Placeholder(_slot, input.dtype, input.device);
        }
        _slot.Set(_placeholder!);
    }
}

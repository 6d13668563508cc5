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
    private readonly (ParametrizationSet Set, string Name) _home;
    private readonly Lock _gate = new();
    private Hooks? _hooks;
    private Placeholder? _placeholder;
    private Shown? _shown;
    private Tensor? _untouched;
    private CachedScope? _holder;

    /// <summary>Binds nothing yet.</summary>
    /// <param name="tensor">What is computed.</param>
    /// <param name="slot">Where the module reads it.</param>
    /// <param name="home">The set in which the module's state has it, and its name there.</param>
    public ModuleBinding(ParametrizedTensor tensor, Slot slot, (ParametrizationSet, string) home) =>
        (_tensor, _slot, _home) = (tensor, slot, home);

    /// <summary>The tensor's name in messages.</summary>
    public string Where => $"{_slot.Owner?.GetName()}.{_slot.Name}";

    /// <summary>Whether the module was collected: another that shares the tensor has outlived it.</summary>
    public bool IsGone => _slot.Owner is null;

    public bool IsBuffer => _slot.IsBuffer;

    /// <summary>Whether a forward pass is going on, or has thrown.</summary>
    public bool IsComputing => _shown is not null && _holder is null;

    public bool IsIn(ParametrizationSet home, string? name = null) =>
        ReferenceEquals(home, _home.Set) && (name is null || name == _home.Name);

    public bool ShowsAt(Tensor tensor) =>
        ReferenceEquals(tensor, _placeholder) || ReferenceEquals(tensor, _shown) || _slot.Shows(tensor);

    /// <summary>Takes the module's tensor out and the hooks in.</summary>
    public void Attach(nn.Module owner, Tensor tensor)
    {
        _slot.Take(tensor);
        Stand();
        _hooks = Hooks.Around(owner, Enter, Exit);
        _tensor.Binding.Add(this);
    }

    /// <summary>Gives the module, which is returned, a tensor of its own again.</summary>
    public nn.Module? Detach(Tensor tensor)
    {
        _holder = null;
        Hide();
        _hooks?.Remove();
        _slot.Restore(tensor);
        _placeholder?.Retire();
        _tensor.Binding.Remove(this);
        return _slot.Owner;
    }

    /// <summary>Keeps the value, which is computed once for all modules, in the field until the scope ends.</summary>
    public void Hold(CachedScope scope)
    {
        lock (_gate)
        {
            if (_holder is not null)
                return;
            Hide();
            // With gradients in any case: a first use without them must not take them from the others.
            using (enable_grad())
                Show(_tensor.Binding.Alias(scope));
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

    /// <summary>Puts the field in order when something else than what had been put there is found in it.</summary>
    public Stray? TakeStray()
    {
        var found = _slot.Get();
        if (found is null)
            Refill();
        if (found is null || ReferenceEquals(found, _placeholder) || ReferenceEquals(found, _shown))
            return null;

        var moved = !found.IsOfTheKindOf(_tensor.Inputs[0]);
        var isAssignment = found.numel() > 0 && (_shown is null || !moved);
        _holder = null;
        _slot.Unregister();
        Hide();
        return new(found, isAssignment);
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
        var binding = _tensor.Binding;
        binding.Follow();
        if (CachedScope.For(_tensor) is { } scope)
            binding.Hold(scope, caller: this);
        else if (_holder is null)
        {
            // A forward pass that threw has left its tensor behind.
            Hide();
            Show(_tensor.Evaluate());
        }
    }

    private void Exit()
    {
        using var updated = TakeUpdate();
        if (_holder is null)
            Hide();
        if (updated is not null)
            _tensor.TakeNearest(updated);
    }

    private void Show(Tensor value)
    {
        _untouched = _slot.IsBuffer ? value.Copied() : null;
        _shown = new Shown(_slot, value);
        _slot.Set(_shown);
    }

    private void Hide()
    {
        Stand();
        _shown?.Retire();
        _untouched?.Dispose();
        (_shown, _untouched) = (null, null);
    }

    /// <summary>What a forward pass has made of a buffer, in place, as norms do while they train.</summary>
    private Tensor? TakeUpdate() =>
        _untouched is not null && _shown is { IsSpent: false } && !_shown.allclose(_untouched, 0, 0, equal_nan: true)
            ? _shown.Copied()
            : null;

    /// <summary>Puts the placeholder into the field, a new one when the tensor has moved.</summary>
    private void Stand()
    {
        var input = _tensor.Inputs[0];
        if (input.IsInvalid)
            return; // The module was disposed before the scope that held its value.
        var isCurrent = _placeholder is { IsSpent: false } && (!_slot.NeedsTensor || _placeholder.IsOfTheKindOf(input));
        if (!isCurrent)
        {
            _placeholder?.Retire();
            _placeholder = new Placeholder(_slot, input.dtype, input.device);
        }
        _slot.Set(_placeholder!);
    }
}

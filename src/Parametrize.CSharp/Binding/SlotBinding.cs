using Parametrize.CSharp.Torch;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Parametrize.CSharp.Binding;

/// <summary>One tensor of a module: its slot, and what stands there instead of a tensor of the module's own.</summary>
internal sealed class SlotBinding(IComputedTensor computed, Slot slot, Action<nn.Module> ownerDisposed)
{
    private Placeholder? _placeholder;
    private Tensor? _untouched;
    private long _shownAt;
    private bool _wasAssigned;
    private bool _isReleased;

    /// <summary>What waited here when a state dictionary was asked for, and how often the parts had been written to.</summary>
    private WaitingAssignment? _waiting;

    /// <summary>What was done to the placeholder, and undone by a move or a query: the next use tells of it.</summary>
    private SlotState? _pendingError;

    public string Name => slot.Name;

    /// <summary>Null when the module was collected.</summary>
    public nn.Module? Owner => slot.Owner;

    /// <summary>The module's own tensor, empty; null when the parametrized one is computed from it.</summary>
    public Tensor? Kept { get; private set; }

    /// <summary>What the module computes with now; null outside a pass and a scope.</summary>
    public ExposedValue? Exposed { get; private set; }

    /// <summary>Whether a forward pass has written into what is shown for a buffer.</summary>
    public bool IsChanged =>
        _untouched is { IsInvalid: false }
        && Owner is not null
        && Exposed?.Numbers is { } numbers
        && !numbers.allclose(_untouched, 0, 0, equal_nan: true);

    /// <summary>Whether the parts have been written to since the value was shown.</summary>
    public bool IsOvertaken => Versions.Of(computed.Tensors) != _shownAt;

    /// <summary>Whether a pass that threw has left its tensor behind, or somebody has disposed the placeholder.</summary>
    public bool HasRemains => Exposed is not null || _placeholder is { IsSpent: true };

    public bool IsNative => slot.IsNative;

    /// <summary>Whether a module that computes meanwhile reads either what was shown or what is.</summary>
    public bool IsReplacedAtOnce => slot.IsReplacedAtOnce;

    /// <summary>Whether what had been put there is there, as far as can be seen at a glance, which any thread may take.</summary>
    public bool IsInOrder => slot.Get() is { } found ? IsOurs(found) : Owner is null || IsMeantToBeEmpty;

    /// <summary>What is in the slot now, for a thread that uses the tensor: a move of the module, or a user, may have put something else there.</summary>
    public SlotState State
    {
        get
        {
            if (_isReleased || Owner is null)
                return SlotState.Released;
            var found = slot.Get();
            if (found is InjectedParameter ours && IsOurs(ours))
                return _pendingError is { } pending ? pending
                    : ours.IsWritten ? SlotState.Written
                    : ours.WantsTraining is not null ? SlotState.Retrained
                    : ours is Placeholder ? SlotState.Hidden
                    : SlotState.Exposed;
            if (found is null && IsMeantToBeEmpty)
                return SlotState.Hidden;
            if (found is { IsInvalid: true })
                return ModuleInternals.IsDisposed(Owner!) ? SlotState.Released : SlotState.Assigned;
            if (slot.HasShifted(_placeholder) || slot.HasShifted(Exposed))
                return SlotState.Shifted;
            return found is null ? SlotState.Emptied
                : !IsAssignment(found) ? SlotState.Moved
                : IsOutdated(found) ? SlotState.Outdated
                : SlotState.Assigned;
        }
    }

    private bool IsMeantToBeEmpty =>
        slot.MayBeEmpty && _placeholder is { IsSpent: false } && Exposed is not { IsSpent: true };

    public bool Shows(Tensor tensor) => IsOurs(tensor) || slot.Shows(tensor);

    /// <summary>`state_dict` is asked for. What TorchSharp's `load` then writes is later than what waits here.</summary>
    public void Lend()
    {
        if (State is SlotState.Assigned)
            _waiting = new(slot.Get()!, Versions.Of(computed.Tensors));
    }

    /// <summary>After how many writes to the parts a state was asked for while this waited; null where none was.</summary>
    private long? LentAt(Tensor assigned) =>
        _waiting is { } waiting && ReferenceEquals(waiting.Assigned, assigned) ? waiting.Writes : null;

    private bool IsOutdated(Tensor assigned) =>
        LentAt(assigned) is { } writes && writes != Versions.Of(computed.Tensors);

    /// <summary>Takes the module's tensor out. It is kept, empty, unless something is computed from it.</summary>
    public void Take(Tensor tensor)
    {
        slot.Take(tensor);
        if (!computed.Inputs.Any(input => NativeTensors.AreOne(input, tensor)))
        {
            tensor.Empty();
            Kept = tensor;
        }
        PutPlaceholder();
    }

    /// <summary>The module's own tensor with these numbers: the object that was kept, where there is one.</summary>
    public Tensor Own(Tensor value, bool isTrained)
    {
        if (Kept is null || !Kept.IsOfTheKindOf(value))
        {
            var copy = value.Copied();
            return (slot.IsBuffer ? copy : new Parameter(copy, isTrained).TakeOffCount()).DetachFromDisposeScope();
        }
        Kept.WriteOver(value);
        return slot.IsBuffer ? Kept : Kept.requires_grad_(isTrained);
    }

    /// <summary>Gives the module a tensor of its own again.</summary>
    public void Restore(Tensor own)
    {
        slot.Restore(own);
        Drop();
        _placeholder?.Retire();
    }

    /// <summary>Lets the module compute with a value, for a pass, or until a cached scope ends.</summary>
    public void Show(Tensor value, bool isHeld)
    {
        _untouched?.Dispose();
        (_untouched, _shownAt) = slot.IsBuffer ? (value.Copied(), Versions.Of(computed.Tensors)) : (null, 0);
        Exposed = new ExposedValue(
            slot,
            slot.IsBuffer ? OwnMemory(value) : value,
            isWatched: isHeld && !slot.IsBuffer && !computed.Inputs.Any(input => Versions.AreOne(input, value)),
            computed.Binding.Access,
            Replaced,
            ownerDisposed
        );
        slot.Set(Exposed);
    }

    public void Hide()
    {
        PutPlaceholder();
        Drop();
    }

    /// <summary>A pass has ended, which may have written into the value.</summary>
    public void Settle() => Exposed?.Settle();

    /// <summary>The same at the end of a pass or scope: what a user has assigned stays for the next use.</summary>
    public void Withdraw()
    {
        if (slot.Get() is { } found && !IsOurs(found))
            Drop();
        else
            Hide();
    }

    /// <summary>Frees what is ours in a module that is being disposed, and does not touch the module.</summary>
    public void Release()
    {
        _isReleased = true;
        Drop();
        _placeholder?.Retire();
        slot.Release();
    }

    /// <summary>
    /// What is found instead of what had been put there, and taken out; null when all is in order.
    /// </summary>
    public ExternalWrite? TakeExternalWrite()
    {
        var state = State;
        switch (state)
        {
            case SlotState.Shifted:
                throw new InvalidOperationException(
                    $"{slot.Owner?.Title()}.{slot.Name} is parametrized, and elements were inserted or removed before it. "
                        + "Undo that; to change the list, remove the parametrization first and register it again."
                );
            case SlotState.Emptied when slot.Get() is not null:
                _pendingError = null;
                return new(this, state);
            case SlotState.Emptied:
                var spent = new InjectedParameter?[] { _placeholder, Exposed }
                    .Where(one => one is { IsSpent: true })
                    .ToList();
                spent.ForEach(one => one!.GiveUp());
                if (!slot.MayBeEmpty)
                    _pendingError = state;
                return new(this, SlotState.Hidden);
            case SlotState.Written:
                _placeholder?.Retire();
                _pendingError = null;
                return new(this, state);
            case SlotState.Retrained:
                return new(this, state, IsTrained: _placeholder!.WantsTraining is true);
            case SlotState.Moved or SlotState.Assigned:
                var found = slot.Get()!;
                slot.Unregister();
                if (state is SlotState.Assigned)
                    _pendingError = null;
                else if (slot.IsNothing(found) && !Slot.IsUnwritten(found))
                    _pendingError = SlotState.Written;
                var hasMoved = _wasAssigned && !found.IsInvalid && !found.IsOfTheKindOf(computed.Inputs[0]);
                // Moving writes to the parts, too.
                var lentAt = hasMoved ? null : LentAt(found);
                (_wasAssigned, _waiting) = (false, null);
                return new(this, state, found, hasMoved, LentAt: lentAt);
            case SlotState.Outdated:
                slot.Unregister();
                (_wasAssigned, _waiting) = (false, null);
                return new(this, state);
            default:
                return null;
        }
    }

    /// <summary>
    /// A setter has put another tensor here. A move is followed at once: a second one would find what the first has left,
    /// and register it. An assignment waits for the next use: it may be refused, and may move with the module before.
    /// </summary>
    private void Replaced()
    {
        if (slot.Get() is not { } found)
            return;
        _wasAssigned = found.IsOfTheKindOf(computed.Inputs[0]);
        if (!_wasAssigned && !IsAssignment(found))
            computed.Binding.SyncWithModules();
    }

    /// <summary>The identity yields its part itself, which is written after the pass: the graph has to keep another.</summary>
    private static Tensor OwnMemory(Tensor value)
    {
        var copy = value.Copied();
        value.Dispose();
        return copy;
    }

    /// <summary>Whether what was found is no stand-in that has moved.</summary>
    private bool IsAssignment(Tensor found) =>
        !slot.IsNothing(found)
        && (Exposed is null || found.IsOfTheKindOf(computed.Inputs[0]) || !Exposed.IsBefore(found));

    private bool IsOurs(Tensor found) => ReferenceEquals(found, _placeholder) || ReferenceEquals(found, Exposed);

    private void Drop()
    {
        Exposed?.Retire(computed.Binding.Access.HasAbandonedPasses);
        _untouched?.Dispose();
        (Exposed, _untouched) = (null, null);
    }

    /// <summary>A new one when the tensor has moved.</summary>
    private void PutPlaceholder()
    {
        var input = computed.Inputs[0];
        if (input.IsInvalid || Owner is null)
            return; // The module was disposed before the scope that held its value, or collected before others that share it.
        var isTrained = !slot.IsBuffer && computed.IsTrained;
        var isCurrent =
            _placeholder is { IsSpent: false }
            && (!slot.NeedsTensor || _placeholder.IsOfTheKindOf(input) && _placeholder.requires_grad == isTrained);
        if (!isCurrent)
        {
            _placeholder?.Retire();
            using var lasting = Modes.Lasting();
            _placeholder = new Placeholder(
                slot,
                input.dtype,
                input.device,
                isTrained,
                computed.Binding.Access,
                Replaced,
                ownerDisposed
            );
        }
        slot.Set(_placeholder!);
    }

    /// <summary>An object, which other threads read whole.</summary>
    private sealed record WaitingAssignment(Tensor Assigned, long Writes);
}

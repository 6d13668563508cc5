namespace Parametrize.CSharp.Binding;

/// <summary>
/// One tensor of a module: its slot, and the placeholder or value that stands there in place of the module's own tensor.
/// </summary>
internal sealed class SlotBinding(IComputedTensor computed, Slot slot, Action<nn.Module> ownerDisposed)
{
    private readonly AssignedTensor _assigned = new();
    private SlotContext? _context;
    private Placeholder? _placeholder;
    private PendingAssignment? _pending;
    private Tensor? _untouched;

    /// <summary>
    /// The module's own object for a tensor from which the value is computed, where that is tied to another module: TorchSharp's
    /// setters dispose the object that they replace, so two modules must not have one.
    /// </summary>
    private Tensor? _tied;
    private long _shownAt;
    private bool _isReleased;

    /// <summary>
    /// The assignment that was pending when `state_dict` was called, and the parts at that time.
    /// </summary>
    private WaitingAssignment? _waiting;

    /// <summary>A write or null assignment that a move or a query has already undone; the next use still throws for it.</summary>
    private SlotState? _pendingError;

    public string Name => slot.Name;

    /// <summary>The module; null when it was garbage-collected.</summary>
    public nn.Module? Owner => slot.Owner;

    /// <summary>The module's own tensor, emptied; null when the parametrized tensor is computed from it.</summary>
    public Tensor? Kept { get; private set; }

    /// <summary>The value with which the module computes now; null outside passes and cached scopes.</summary>
    public ExposedValue? Exposed { get; private set; }

    /// <summary>
    /// Whether an assignment was in the slot when a value was about to be shown: it stays there, and has to be taken first. This
    /// happens when a setter takes longer than others wait for it.
    /// </summary>
    public bool IsBlocked { get; private set; }

    /// <summary>Whether a forward pass has written into the value shown for a buffer.</summary>
    public bool IsChanged =>
        _untouched is { IsInvalid: false }
        && Owner is not null
        && Exposed?.Numbers is { } numbers
        && !numbers.allclose(_untouched, 0, 0, equal_nan: true);

    /// <summary>Whether the parts have been written to since the value was shown.</summary>
    public bool IsOvertaken => Versions.Of(computed.Tensors) != _shownAt;

    /// <summary>Whether a pass that threw has left its value in the slot, or the placeholder was disposed.</summary>
    public bool HasRemains => Exposed is not null || _placeholder is { IsDisposedHere: true };

    public bool IsNative => slot.IsNative;

    /// <summary>Whether replacing the shown value is atomic: a concurrent pass reads either the old value or the new one.</summary>
    public bool IsReplacedAtOnce => slot.IsReplacedAtOnce;

    /// <summary>
    /// Whether the slot holds what this library has put there. Any thread may read this without the lock; a false answer has to be
    /// checked under it.
    /// </summary>
    public bool IsInOrder =>
        slot.Get() is { } found
            ? IsOurs(found) && found is not InjectedParameter { IsAwaited: true }
            : Owner is null || IsMeantToBeEmpty;

    /// <summary>
    /// What is in the slot now: a move of the module, or a user, may have put another tensor there. For threads that have access.
    /// </summary>
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
                    : ours.ChangedRequiresGrad is not null ? SlotState.RequiresGradChanged
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
        slot.MayBeEmpty && _placeholder is { IsDisposedHere: false } && Exposed is not { IsDisposedHere: true };

    public bool Shows(Tensor tensor) => IsOurs(tensor) || ReferenceEquals(tensor, _pending) || slot.Shows(tensor);

    /// <summary>
    /// Called when `state_dict` is read. If TorchSharp's `load` then writes to the parts, that write is later than the pending
    /// assignment.
    /// </summary>
    public void Lend()
    {
        if (State is SlotState.Assigned)
        {
            _waiting?.Dispose();
            _waiting = new(slot.Get()!, computed.Tensors);
        }
    }

    /// <summary>The parts when `state_dict` was called while this assignment was pending; null when it was not called.</summary>
    private WaitingAssignment? LentFor(Tensor assigned) =>
        _waiting is { } waiting && ReferenceEquals(waiting.Assigned, assigned) ? waiting : null;

    private bool IsOutdated(Tensor assigned) => LentFor(assigned)?.IsOvertaken(computed.Tensors) is true;

    /// <summary>
    /// Takes the module's tensor out of the slot. The tensor is emptied and kept, unless the parametrized tensor is computed from
    /// it.
    /// </summary>
    public void Take(Tensor tensor)
    {
        slot.Take(tensor);
        if (!computed.Inputs.Any(input => NativeTensors.IsSameTensor(input, tensor)))
        {
            tensor.Empty();
            Kept = tensor;
        }
        else if (!computed.Inputs.Contains(tensor, ReferenceEqualityComparer.Instance))
            _tied = tensor;
        PutPlaceholder();
    }

    /// <summary>
    /// A plain tensor for the module with the entries of `value`: the kept object where there is one, else a new one.
    /// </summary>
    public Tensor Own(Tensor value, bool isTrained)
    {
        if (Kept is null || !Kept.HasSameTypeAndDevice(value))
        {
            var copy = value.Copied();
            return (slot.IsBuffer ? copy : new Parameter(copy, isTrained).TakeOffCount()).DetachFromDisposeScope();
        }
        Kept.WriteOver(value);
        return slot.IsBuffer ? Kept : Kept.requires_grad_(isTrained);
    }

    /// <summary>Puts a plain tensor into the slot again: as the module's former object, if that stands for it.</summary>
    public void Restore(Tensor own)
    {
        slot.Restore(
            (Kept ?? _tied) is { IsInvalid: false } former && NativeTensors.IsSameTensor(former, own) ? former : own
        );
        Drop();
        ForgetAssignment();
        _placeholder?.Retire();
    }

    /// <summary>Shows a value in the slot, for a pass or until a cached scope ends.</summary>
    public void Show(Tensor value, bool isHeld)
    {
        _untouched?.Dispose();
        IsBlocked = HoldsAssignment;
        (_untouched, _shownAt) = slot.IsBuffer ? (value.Copied(), Versions.Of(computed.Tensors)) : (null, 0);
        Exposed = new ExposedValue(
            Context,
            slot.IsBuffer ? OwnMemory(value) : value,
            isWatched: isHeld && !slot.IsBuffer && !IsOfInputs(value)
        );
        if (!IsBlocked)
            slot.Set(Exposed);
    }

    public void Hide()
    {
        PutPlaceholder();
        Drop();
    }

    /// <summary>
    /// Called when a pass has ended, which may have written into the value: only later writes count as writes of others.
    /// </summary>
    public void Settle() => Exposed?.Settle();

    /// <summary>
    /// Hides the value at the end of a pass or scope. The next use throws for what was written into the value, unless a tensor was
    /// assigned after that: it stays in the slot, and the next use takes it.
    /// </summary>
    public void Withdraw()
    {
        if (Exposed is { IsWritten: true })
            _pendingError = SlotState.Written;
        if (HoldsAssignment)
            Drop();
        else
            Hide();
    }

    /// <summary>Frees the tensors of this library when the module is being disposed, and leaves the module alone.</summary>
    public void Release()
    {
        _isReleased = true;
        Drop();
        ForgetAssignment();
        _placeholder?.Retire();
        slot.Release();
    }

    /// <summary>Takes out what others have put into the slot; null when the slot holds what this library has put there.</summary>
    public ExternalWrite? TakeExternalWrite()
    {
        // This thread has exclusive access, so the wait for the setter has ended without a registration.
        if (slot.Get() is InjectedParameter { IsAwaited: true } awaited && IsOurs(awaited))
            awaited.GiveUp();
        var state = State;
        switch (state)
        {
            case SlotState.Shifted:
                throw new InvalidOperationException(
                    $"{slot.Owner?.Title()}.{slot.Name} is parametrized, and it was taken out of its collection, or elements were "
                        + "inserted or removed before it. Undo that; to change the list, remove the parametrization first and "
                        + "register it again."
                );
            case SlotState.Emptied when slot.Get() is not null:
                _pendingError = null;
                return new(this, state);
            case SlotState.Emptied:
                var disposed = new InjectedParameter?[] { _placeholder, Exposed, _pending }
                    .Where(parameter => parameter is { IsDisposedHere: true })
                    .ToList();
                disposed.ForEach(parameter => parameter!.GiveUp());
                if (!slot.MayBeEmpty)
                    _pendingError = state;
                return new(this, SlotState.Hidden);
            case SlotState.Written:
                _placeholder?.Retire();
                _pendingError = null;
                return new(this, state);
            case SlotState.RequiresGradChanged:
                return new(this, state, IsTrained: _placeholder!.ChangedRequiresGrad is true);
            case SlotState.Moved or SlotState.Assigned:
                return TakeFound(slot.Get()!, state);
            case SlotState.Outdated:
                slot.Unregister();
                ForgetAssignment();
                return new(this, state);
            default:
                return null;
        }
    }

    /// <summary>Takes out a tensor that was moved here or assigned.</summary>
    private ExternalWrite TakeFound(Tensor found, SlotState state)
    {
        slot.Unregister();
        if (state is SlotState.Assigned)
            _pendingError = null;
        if (found.IsInvalid)
        {
            // A user has disposed it since.
            var left = ReferenceEquals(found, _pending) ? _assigned.Original?.alias() : null;
            ForgetAssignment();
            return new(this, state, left ?? found, WasSuited: left is not null);
        }
        var isHere = found.HasSameTypeAndDevice(computed.Inputs[0]);
        // The tensor has the placeholder's shape, but has not moved, or is no longer NaN. So a user has computed it from the
        // placeholder and assigned it.
        if (state is SlotState.Moved && slot.IsPlaceholder(found) && (isHere || !Slot.IsAllNaN(found)))
            _pendingError = SlotState.Written;
        _assigned.Follow(found, isHere);
        var original = _assigned.Original;
        (ScalarType, Device)? movedTo =
            state is SlotState.Moved || original is not null && !found.HasSameTypeAndDevice(original)
                ? (found.dtype, found.device)
                : null;
        // A move writes to the parts, too, so the count of writes says nothing.
        var lentAt = movedTo is null ? LentFor(found)?.Writes : null;
        var taken = state is SlotState.Assigned ? (original ?? found).alias() : found;
        ForgetAssignment();
        return new(this, state, taken, movedTo, WasSuited: original is not null, LentAt: lentAt);
    }

    /// <summary>
    /// Called when a setter has put another tensor here. A move of the module is carried out at once: a second move would find the
    /// tensor that the first has left, and register it. An assignment is pending until the next use: it may be refused, and the
    /// module may move before.
    /// </summary>
    private void Replaced()
    {
        // Other threads may have stopped waiting for the setter, and may be taking what it has put here.
        using var alone = computed.Binding.Access.Writing();
        if (slot.Get() is not { } found || IsOurs(found))
            return;
        if (!found.IsInvalid)
            _assigned.Follow(found, found.HasSameTypeAndDevice(computed.Inputs[0]));
        if (_assigned.Original is null && !IsAssignment(found))
        {
            computed.Binding.SyncWithModules();
            return;
        }
        if (slot.IsReplacedAtOnce && found is Parameter)
        {
            _pending?.Retire();
            using var lasting = Modes.Lasting();
            _pending = new PendingAssignment(Context, found);
            slot.Set(_pending);
        }
        // An optimizer that is built before the next use must find the parameters there.
        if (_assigned.Original is not null && !found.HasSameTypeAndDevice(computed.Inputs[0]))
            computed.MoveTo(found.dtype, found.device);
    }

    private SlotContext Context => _context ??= new(slot, computed.Binding.Access, Replaced, ownerDisposed);

    /// <summary>Called before the parts move: a pending assignment stays the tensor that it is now.</summary>
    /// <param name="dtype">The element type of the parts.</param>
    /// <param name="device">Their device.</param>
    /// <returns>Whether an assignment is pending.</returns>
    public bool KeepAssigned(ScalarType dtype, Device device)
    {
        if (State is not SlotState.Assigned || slot.Get() is not { IsInvalid: false } found)
            return false;
        _assigned.Follow(
            found,
            found.dtype == dtype && (found.device_type, found.device_index) == (device.type, device.index)
        );
        return true;
    }

    private void ForgetAssignment()
    {
        _pending?.Retire();
        _assigned.Forget();
        _waiting?.Dispose();
        (_pending, _waiting) = (null, null);
    }

    /// <summary>
    /// The identity returns the buffer itself, and the pass's change is written into that buffer afterwards. The graph therefore
    /// gets a copy.
    /// </summary>
    private static Tensor OwnMemory(Tensor value)
    {
        var copy = value.Copied();
        value.Dispose();
        return copy;
    }

    /// <summary>
    /// Whether the tensor that was found was assigned by a user: it is neither a moved placeholder nor a moved value.
    /// </summary>
    private bool IsAssignment(Tensor found) =>
        !slot.IsPlaceholder(found)
        && (Exposed is null || found.HasSameTypeAndDevice(computed.Inputs[0]) || !Exposed.IsBefore(found));

    private bool HoldsAssignment => slot.Get() is { } found && !IsOurs(found);

    /// <summary>
    /// Whether the value is a view of a parameter. A method of its own, because a lambda in `Show` would be allocated in each
    /// pass.
    /// </summary>
    private bool IsOfInputs(Tensor value) => computed.Inputs.Any(input => Versions.SharesCounter(input, value));

    private bool IsOurs(Tensor found) => ReferenceEquals(found, _placeholder) || ReferenceEquals(found, Exposed);

    private void Drop()
    {
        Exposed?.Retire(computed.Binding.Access.HasAbandonedPasses);
        _untouched?.Dispose();
        (Exposed, _untouched) = (null, null);
    }

    /// <summary>Puts the placeholder into the slot; a new one when the tensor has moved.</summary>
    private void PutPlaceholder()
    {
        var input = computed.Inputs[0];
        if (input.IsInvalid || Owner is null)
            return; // The module was disposed before the scope that held its value, or collected before another module that shares it.
        var isTrained = !slot.IsBuffer && computed.IsTrained;
        var isCurrent =
            _placeholder is { IsDisposedHere: false }
            && (
                !slot.NeedsTensor || _placeholder.HasSameTypeAndDevice(input) && _placeholder.requires_grad == isTrained
            );
        if (!isCurrent)
        {
            _placeholder?.Retire();
            using var lasting = Modes.Lasting();
            _placeholder = new Placeholder(Context, input.dtype, input.device, isTrained);
        }
        slot.Set(_placeholder!);
        IsBlocked = false;
    }
}

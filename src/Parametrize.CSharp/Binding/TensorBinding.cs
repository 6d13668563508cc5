using Parametrize.CSharp.Grouping;
using Parametrize.CSharp.Joint;
using Parametrize.CSharp.Threads;

namespace Parametrize.CSharp.Binding;

/// <summary>
/// The modules that compute with a parametrized tensor: none when a module holds it as a field of its own, one, or several that
/// share it. Each module has a <see cref="ModuleBinding"/>; each of its tensors that is replaced has a <see cref="SlotBinding"/>.
/// </summary>
internal sealed partial class TensorBinding : IUpcomingUse
{
    private readonly IComputedTensor _tensor;
    private readonly ValueCache _value;

    /// <summary>
    /// Held while a thread with shared access reads or replaces the held value. A thread must not wait for an access while it holds
    /// this lock.
    /// </summary>
    private readonly Lock _gate = new();

    /// <summary>The scopes for which the value is held.</summary>
    private readonly HashSet<CachedScope> _scopes = [];

    // Replaced as a whole, never changed: other threads may be iterating over it.
    private ModuleBinding[] _modules = [];

    /// <summary>Whether a module has ever computed with the tensor: a user may also hold it without a module.</summary>
    private bool _wasInModules;

    public TensorBinding(IComputedTensor tensor)
    {
        (_tensor, _value) = (tensor, new(tensor));
        Access = new(() => Where);
    }

    /// <summary>The lock of the tensor, for shared and exclusive access.</summary>
    public TensorAccess Access { get; }

    /// <summary>The tensor's name in messages: its name in the first module.</summary>
    public string? Where => _modules.FirstOrDefault(module => !module.IsGone)?.Where;

    /// <summary>The modules that compute with it.</summary>
    public IReadOnlyList<ModuleBinding> Modules => _modules;

    /// <summary>How it is joined from tensors of a module.</summary>
    public JointLayout? Layout => _modules.FirstOrDefault()?.Layout;

    /// <summary>Whether a module has it in native memory, which cannot be replaced by a managed object.</summary>
    public bool IsNative => Array.Exists(_modules, module => module.IsNative);

    /// <summary>The modules' own parameters, emptied, whose places it has taken.</summary>
    public IEnumerable<Parameter> Kept => _modules.SelectMany(module => module.Kept);

    public bool AreAll(IReadOnlyCollection<ModuleBinding> modules) =>
        _modules.All(module => modules.Contains(module) || module.IsGone);

    /// <summary>Whether all its modules had one tensor before it was registered.</summary>
    public bool IsTied => _modules.All(module => module == _modules[0] || module.IsTiedTo(_modules[0]));

    public void Add(ModuleBinding module)
    {
        if (_modules.Length == 0)
            RegisteredTensors.Add(this);
        _modules = [.. _modules.Where(present => !present.IsGone), module];
        _wasInModules = true;
    }

    public void Remove(ModuleBinding module)
    {
        _modules = [.. _modules.Where(present => present != module && !present.IsGone)];
        if (_modules.Length == 0)
            DropValue();
    }

    /// <summary>The module whose state has the tensor in this set.</summary>
    public ModuleBinding In(nn.Module home, string name) => _modules.First(module => module.IsIn(home, name));

    /// <summary>The name under which a module shows this tensor, if it does.</summary>
    public string? NameOf(nn.Module home, string name, Tensor found) => In(home, name).NameOf(found);

    /// <summary>Leaves the modules of a set that is being disposed.</summary>
    /// <returns>Whether others still compute with the tensor.</returns>
    public bool Leave(nn.Module home)
    {
        using var alone = Access.Writing();
        foreach (var module in _modules.Where(present => present.IsIn(home)))
            module.Release();
        _modules = [.. _modules.Where(present => !present.IsIn(home) && !present.IsGone)];
        if (_modules.Length == 0)
            DropValue();
        return _modules.Length > 0;
    }

    /// <summary>Called when `state_dict` is read: TorchSharp's `load` may write to the parts next.</summary>
    public void Lend()
    {
        using var lease = Access.Reading();
        lock (_gate)
        {
            foreach (var module in _modules)
                module.Lend();
            _value.Lend();
        }
    }

    /// <summary>Drops the cached value in all modules. The caller has exclusive access, as for `Moved`.</summary>
    public void Forget()
    {
        DropValue();
        foreach (var module in _modules)
            module.Forget();
    }

    /// <summary>
    /// Called when the parts have moved to another device or element type: replaces the placeholders by ones there.
    /// </summary>
    public void Moved()
    {
        DropValue();
        foreach (var module in _modules)
            module.Moved();
    }

    /// <summary>Locked, because other threads, whose passes have ended, may be retiring earlier values.</summary>
    private void DropValue()
    {
        lock (_gate)
            _value.Forget();
    }

    /// <summary>
    /// Takes over what others have done to the modules' fields. A move of a module has replaced the placeholder by one
    /// there: the parts move along. A user has assigned a tensor: its right inverse is written into the parts.
    /// </summary>
    public void SyncWithModules()
    {
        _tensor.RequireAlive();
        SyncWithModules(takesAssignments: true);
    }

    /// <summary>
    /// Like `SyncWithModules`, for a query: takes over moves only. An assignment may be refused, so it stays pending until the next
    /// use.
    /// </summary>
    public void SyncMoves()
    {
        if (_tensor.Inputs[0].IsInvalid)
            return; // The parts are being moved.
        SyncWithModules(takesAssignments: false);
        // A pass that has thrown may have written into a buffer. A state dictionary that is read now must have that change.
        if (!_tensor.IsBuffer || Access.IsInPass || Access.TryBeginAlone() is not { } visit)
            return;
        Access.End(visit);
        UnlessItFails(TakeUpdates);
    }

    /// <summary>
    /// Like `SyncWithModules`, before the parts move. Assignments stay pending: a refusal would end the move of the model in its
    /// middle.
    /// </summary>
    /// <param name="dtype">The element type of the parts.</param>
    /// <param name="device">Their device.</param>
    public void SyncBeforeMove(ScalarType dtype, Device device)
    {
        if (_modules.Aggregate(false, (isPending, module) => module.KeepAssigned(dtype, device) || isPending))
            SyncMoves();
        else
            SyncWithModules();
    }

    private void SyncWithModules(bool takesAssignments)
    {
        if (!IsInOrder)
            PutInOrder(takesAssignments);
        if (takesAssignments)
            TakeUpdates();
    }

    /// <summary>
    /// Whether the fields hold what this library has put there. The fields are first compared without the lock; a difference is
    /// checked again under the lock, because another thread may be replacing the value.
    /// </summary>
    private bool IsInOrder
    {
        get
        {
            if (IsInOrderWithoutLock)
                return true;
            using var lease = Access.Reading();
            lock (_gate)
                return IsInOrderWithoutLock;
        }
    }

    private bool IsInOrderWithoutLock => Array.TrueForAll(_modules, module => module.IsInOrder);

    private void PutInOrder(bool takesAssignments)
    {
        using var alone = Access.Writing();
        using var scope = NewDisposeScope();
        var found = new List<(ModuleBinding Module, List<ExternalWrite> Writes)>();
        var updates = new List<Tensor>();
        foreach (var module in _modules)
            if (takesAssignments || !module.IsWaiting)
            {
                var updated = module.IsUpdated ? TakeUpdate(module) : null;
                if (module.TakeExternalWrites() is not { } writes)
                    continue;
                found.Add((module, writes));
                if (updated is not null && writes.TrueForAll(write => write.State is SlotState.Moved))
                    updates.Add(updated);
            }
        if (found.Count == 0)
            return;

        // All fields must be in order before the tensor moves: the move enumerates its parameters, and that calls this method
        // again.
        foreach (var write in found.SelectMany(entry => entry.Writes))
            if (write.MovedTo is { } place)
            {
                _tensor.MoveTo(place.Dtype, place.Device);
                if (!write.IsAssignment)
                    write.Found!.TakeOffCount().Dispose();
            }
        // A change that a pass has made moves along with the tensor.
        foreach (var updated in updates)
            _tensor.TakeNearest(updated.to(_tensor.Inputs[0].dtype, _tensor.Inputs[0].device));
        // All are taken out of the fields by now: one that is refused does not lose the others.
        Every.InOrder(
            found,
            entry =>
            {
                Train(entry.Module, entry.Writes);
                if (entry.Writes.Where(write => write.IsAssignment).ToList() is { Count: > 0 } assigned)
                    entry.Module.Assign(assigned);
            }
        );
        foreach (var (module, writes) in found)
            if (writes.Exists(write => write.State is SlotState.Written))
                throw Lost(module);
            else if (writes.Exists(write => write.State is SlotState.Emptied))
                throw new InvalidOperationException(
                    $"{module.Where} is parametrized, and null was assigned to it, which changes nothing and is undone. Remove "
                        + "the parametrization first."
                );
    }

    /// <summary>Trains or freezes the parameters, as a user has set `requires_grad` of the placeholder.</summary>
    private void Train(ModuleBinding module, List<ExternalWrite> writes)
    {
        var wanted = writes.Where(write => write.State is SlotState.RequiresGradChanged).ToList();
        if (wanted.Count == 0)
            return;
        if (module.Layout.IsJoint)
            throw new InvalidOperationException(
                $"requires_grad of a member of {module.Where} was changed, but the members are trained together. Nothing has changed: "
                    + "set it on the parameters of the joint tensor."
            );
        _tensor.IsTrained = wanted[0].IsTrained;
        module.Moved();
    }

    /// <summary>
    /// The error for a write that is lost: in place into the placeholder or the value, or of numbers read from the placeholder.
    /// </summary>
    private InvalidOperationException Lost(ModuleBinding module)
    {
        Forget();
        return new(
            $"{module.Where} is parametrized, and its placeholder or its computed value was written to in place (`init`, `fill_`), "
                + "or a tensor computed from the placeholder was assigned. The write was undone, and the parametrized tensor is as "
                + "it was. Write before registering, or assign a tensor that is computed from `parametrization(name).Value`."
        );
    }
}

using Parametrize.CSharp.Grouping;
using Parametrize.CSharp.Joint;
using Parametrize.CSharp.Threads;
using Parametrize.CSharp.Torch;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Parametrize.CSharp.Binding;

/// <summary>
/// The modules that compute with a parametrized tensor: none when a module holds it as a field of its own, one, or
/// several that share it. Each has a <see cref="ModuleBinding"/>, and that a <see cref="SlotBinding"/> for each of the
/// module's tensors that is replaced.
/// </summary>
internal sealed partial class TensorBinding : ICached, IUse
{
    private readonly IComputedTensor _tensor;
    private readonly ValueCache _value;

    /// <summary>Among threads that read: one at a time computes what is held. Whoever has it waits for no access.</summary>
    private readonly Lock _gate = new();

    /// <summary>Has whoever takes what was assigned to fields: a state is lent after it has been written.</summary>
    private readonly Lock _taking = new();

    /// <summary>Those for which the value is held.</summary>
    private readonly HashSet<CachedScope> _scopes = [];

    // Replaced, never changed: threads that compute may be on their way through it.
    private ModuleBinding[] _modules = [];

    /// <summary>Whether a module has ever computed with it: a user may hold one alone.</summary>
    private bool _wasInModules;

    public TensorBinding(IComputedTensor tensor)
    {
        (_tensor, _value) = (tensor, new(tensor));
        Access = new(() => Where);
    }

    /// <summary>Who may use the tensor now.</summary>
    public TensorAccess Access { get; }

    /// <summary>The tensor's name in messages, that in its first module.</summary>
    public string? Where => _modules.FirstOrDefault(module => !module.IsGone)?.Where;

    /// <summary>Those that compute with it.</summary>
    public IReadOnlyList<ModuleBinding> Modules => _modules;

    /// <summary>How the tensors of modules make it up.</summary>
    public JointLayout? Layout => _modules.FirstOrDefault()?.Layout;

    /// <summary>Whether a module has it in memory that nothing managed can replace.</summary>
    public bool IsNative => Array.Exists(_modules, module => module.IsNative);

    /// <summary>The modules' own parameters, in whose place it is.</summary>
    public IEnumerable<Parameter> Kept => _modules.SelectMany(module => module.Kept);

    public bool IsOnly(ModuleBinding module) => _modules.All(one => one == module || one.IsGone);

    public void Add(ModuleBinding module)
    {
        if (_modules.Length == 0)
            RegisteredTensors.Add(this);
        _modules = [.. _modules.Where(one => !one.IsGone), module];
        _wasInModules = true;
    }

    public void Remove(ModuleBinding module)
    {
        _modules = [.. _modules.Where(one => one != module && !one.IsGone)];
        if (_modules.Length == 0)
            DropValue();
    }

    /// <summary>The module whose state has the tensor in this set.</summary>
    public ModuleBinding In(nn.Module home, string name) => _modules.First(one => one.IsIn(home, name));

    /// <summary>The name under which a module shows this tensor, if it does.</summary>
    public string? NameOf(nn.Module home, string name, Tensor found) => In(home, name).NameOf(found);

    /// <summary>Leaves the modules of a set that is being disposed.</summary>
    /// <returns>Whether others still compute with the tensor.</returns>
    public bool Leave(nn.Module home)
    {
        using var alone = Access.Writing();
        foreach (var module in _modules.Where(one => one.IsIn(home)))
            module.Release();
        _modules = [.. _modules.Where(one => !one.IsIn(home) && !one.IsGone)];
        return _modules.Length > 0;
    }

    /// <summary>`state_dict` is asked for: TorchSharp's `load` will write.</summary>
    public void Lend()
    {
        lock (_taking)
            foreach (var module in _modules)
                module.Lend();
        if (!_value.IsHeld)
            return;
        using var lease = Access.Reading();
        lock (_gate)
            _value.Lend();
    }

    /// <summary>Drops the cached value everywhere. Called alone, as what follows.</summary>
    public void Forget()
    {
        DropValue();
        foreach (var module in _modules)
            module.Forget();
    }

    /// <summary>The tensor has moved by itself; what stands for it in the modules goes along.</summary>
    public void Moved()
    {
        DropValue();
        foreach (var module in _modules)
            module.Moved();
    }

    /// <summary>Others, whose passes have ended, may be retiring what was shown of earlier values.</summary>
    private void DropValue()
    {
        lock (_gate)
            _value.Forget();
    }

    /// <summary>
    /// Sees what others have done to the modules' fields: moving a module has replaced the placeholder by an empty
    /// tensor elsewhere; a user has assigned a tensor, of which the right inverse is taken.
    /// </summary>
    public void SyncWithModules()
    {
        _tensor.RequireAlive();
        SyncWithModules(takesAssignments: true);
    }

    /// <summary>
    /// The same for a query, which follows a move only: what a user has assigned, and may be refused, waits for the next use.
    /// </summary>
    public void SyncMoves()
    {
        SyncWithModules(takesAssignments: false);
        // A pass that has thrown may have written into a buffer: state dictionaries of then are to have that.
        if (!_tensor.IsBuffer || Access.IsInPass || Access.TryBeginAlone() is not { } visit)
            return;
        Access.End(visit);
        UnlessItFails(TakeUpdates);
    }

    private void SyncWithModules(bool takesAssignments)
    {
        if (!IsInOrder)
            PutInOrder(takesAssignments);
        if (takesAssignments)
            TakeUpdates();
    }

    /// <summary>
    /// Whether the fields show what had been put there. A glance may fall between two steps of a thread that puts a value there
    /// beside passes of others: what it finds is looked at again while none can.
    /// </summary>
    private bool IsInOrder
    {
        get
        {
            if (IsInOrderAtAGlance)
                return true;
            using var lease = Access.Reading();
            lock (_gate)
                return IsInOrderAtAGlance;
        }
    }

    private bool IsInOrderAtAGlance
    {
        get
        {
            foreach (var module in _modules)
                if (!module.IsInOrder)
                    return false;
            return true;
        }
    }

    private void PutInOrder(bool takesAssignments)
    {
        using var alone = Access.Writing();
        using var taking = _taking.EnterScope();
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

        // All fields are in order before the tensor moves, which enumerates it, which comes here again.
        foreach (var write in found.SelectMany(one => one.Writes))
            if (write is { Found: { } elsewhere } && (write.HasMoved || !write.IsAssignment))
            {
                _tensor.MoveTo(elsewhere.dtype, elsewhere.device);
                if (!write.IsAssignment)
                    elsewhere.TakeOffCount().Dispose();
            }
        // What a pass has written goes along.
        foreach (var updated in updates)
            _tensor.TakeNearest(updated.to(_tensor.Inputs[0].dtype, _tensor.Inputs[0].device));
        // All are taken out of the fields by now: one that is refused does not lose the others.
        Every.InOrder(
            found,
            one =>
            {
                Train(one.Module, one.Writes);
                if (one.Writes.Where(write => write.IsAssignment).ToList() is { Count: > 0 } assigned)
                    one.Module.Assign(assigned);
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

    /// <summary>Trains or freezes what the tensor is computed from, as was asked for of what stands for it.</summary>
    private void Train(ModuleBinding module, List<ExternalWrite> writes)
    {
        var wanted = writes.Where(write => write.State is SlotState.Retrained).ToList();
        if (wanted.Count == 0)
            return;
        if (module.Layout.IsJoint)
            throw new InvalidOperationException(
                $"requires_grad of a member of {module.Where} was changed, which are trained together. Nothing has changed: "
                    + "set it on the parameters of the joint tensor."
            );
        _tensor.IsTrained = wanted[0].IsTrained;
        module.Moved();
    }

    /// <summary>What was written has been taken out with what stood for the tensor.</summary>
    private InvalidOperationException Lost(ModuleBinding module)
    {
        Forget();
        return new(
            $"{module.Where} is parametrized, and something has written in place into what stands for it there "
                + "(`init`, `fill_`), which changes nothing and is undone. Write before registering, or assign a tensor to "
                + "the field or to `parametrization(name).Value`."
        );
    }
}

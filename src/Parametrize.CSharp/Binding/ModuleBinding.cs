using Parametrize.CSharp.Grouping;
using Parametrize.CSharp.Joint;
using Parametrize.CSharp.Threads;

namespace Parametrize.CSharp.Binding;

/// <summary>
/// Binds one parametrized tensor to a module that computes with it: puts the value into the module's field while `call` runs, or
/// until a cached scope ends, and takes it out again. A joint tensor is put into several fields.
/// </summary>
internal sealed class ModuleBinding : IUpcomingUse
{
    private readonly IComputedTensor _tensor;
    private readonly SlotBinding[] _slots;
    private readonly (nn.Module Set, string Name) _home;
    private WeakReference<nn.Module>[] _callers = [];

    /// <summary>The models for which a cached scope was opened.</summary>
    private WeakReference<nn.Module>[] _models = [];

    /// <summary>Binds nothing yet.</summary>
    /// <param name="tensor">The parametrized tensor.</param>
    /// <param name="slots">The slots from which the module reads the tensor, or its members.</param>
    /// <param name="layout">How the tensor is joined from its members.</param>
    /// <param name="home">The set that has the tensor in the module's state, and the tensor's name there.</param>
    /// <param name="ownerDisposed">Called with the module when it is disposed and does not dispose its children.</param>
    public ModuleBinding(
        IComputedTensor tensor,
        IEnumerable<Slot> slots,
        JointLayout layout,
        (nn.Module, string) home,
        Action<nn.Module> ownerDisposed
    )
    {
        _tensor = tensor;
        _slots = [.. slots.Select(slot => new SlotBinding(tensor, slot, ownerDisposed))];
        Layout = layout;
        _home = home;
    }

    public JointLayout Layout { get; }

    public TensorAccess Access => _tensor.Binding.Access;

    IGroupable IUpcomingUse.Tensor => _tensor;

    bool IUpcomingUse.WillCompute => _tensor.Binding.WillCompute(this);

    bool IUpcomingUse.WillKeep => _tensor.Binding.WillKeep;

    /// <summary>The tensor's name in the module.</summary>
    public string Name => JointName.Of([.. _slots.Select(slot => slot.Name)]);

    /// <summary>The tensor's name in messages.</summary>
    public string Where => $"{Owner?.Title()}.{Name}";

    /// <summary>The module; null when it was garbage-collected while another module that shares the tensor lives on.</summary>
    public nn.Module? Owner => _slots[0].Owner;

    public bool IsGone => Owner is null;

    public IEnumerable<Parameter> Kept => _slots.Select(slot => slot.Kept).OfType<Parameter>();

    /// <summary>Whether the value stays in the fields between passes.</summary>
    public bool IsHeld { get; private set; }

    /// <summary>Whether a forward pass is going on, or has thrown.</summary>
    public bool IsComputing => _slots[0].Exposed is not null && !IsHeld;

    /// <summary>Whether replacing the shown value is atomic: a concurrent pass reads either the old value or the new one.</summary>
    public bool IsReplacedAtOnce => _slots is [{ IsReplacedAtOnce: true }];

    /// <summary>
    /// Whether the fields hold what this library has put there. Read without the lock, so a false answer has to be checked under
    /// it.
    /// </summary>
    public bool IsInOrder => Array.TrueForAll(_slots, slot => slot.IsInOrder);

    /// <summary>Whether the value is copied into memory that nothing managed can replace.</summary>
    public bool IsNative => Array.Exists(_slots, slot => slot.IsNative);

    /// <summary>Whether a pass has written in place into the value of a cached scope.</summary>
    public bool IsOverwritten => Array.Exists(_slots, slot => slot.Exposed is { IsOverwritten: true });

    /// <summary>Whether a field holds an assignment that has to be taken before the value can be shown there.</summary>
    public bool IsBlocked => Array.Exists(_slots, slot => slot.IsBlocked);

    /// <summary>Whether a value is in its fields.</summary>
    public bool IsShown => Array.Exists(_slots, slot => slot.Exposed is not null);

    /// <summary>Whether a pass has written in place into a shown buffer.</summary>
    public bool IsChanged => Array.Exists(_slots, slot => slot.IsChanged);

    /// <summary>Whether a pass has changed a shown buffer, and the parts were not written to since it was shown.</summary>
    public bool IsUpdated => Array.Exists(_slots, slot => slot.IsChanged && !slot.IsOvertaken);

    /// <summary>
    /// Whether a user has written to the placeholder or the shown value, changed its `requires_grad`, or assigned null to the
    /// field.
    /// </summary>
    public bool IsTouched =>
        Array.Exists(
            _slots,
            slot => slot.State is SlotState.Written or SlotState.RequiresGradChanged or SlotState.Emptied
        );

    /// <summary>The states of the slots.</summary>
    public IEnumerable<SlotState> States => _slots.Select(slot => slot.State);

    /// <summary>
    /// Whether an assignment or another change of the field is pending: the next use takes or refuses it, a query leaves it.
    /// </summary>
    public bool IsWaiting =>
        Array.Exists(
            _slots,
            slot =>
                slot.State
                    is SlotState.Assigned
                        or SlotState.Shifted
                        or SlotState.Written
                        or SlotState.RequiresGradChanged
        );

    public bool IsIn(nn.Module home, string? name = null) =>
        ReferenceEquals(home, _home.Set) && (name is null || name == _home.Name);

    /// <summary>
    /// Whether this module and another had one tensor before it was registered. Modules that share a parametrized tensor in place
    /// of tensors of their own are not tied.
    /// </summary>
    public bool IsTiedTo(ModuleBinding other) =>
        (_slots, other._slots) is ([{ Owner: not null } own], [{ Owner: not null } others])
        && (own.Kept, others.Kept) switch
        {
            (null, null) => true,
            ({ } kept, { } its) => NativeTensors.IsSameTensor(kept, its),
            _ => false,
        };

    /// <summary>The name in the home under which the module shows this tensor, if it does.</summary>
    public string? NameOf(Tensor tensor) => _slots.FirstOrDefault(slot => slot.Shows(tensor))?.Name.Split('.')[^1];

    /// <summary>
    /// Takes the module's tensors out, and adds the hooks that compute the value for the passes of these modules.
    /// </summary>
    public void Attach(IEnumerable<nn.Module> callers, IReadOnlyList<Tensor> tensors)
    {
        foreach (var (slot, tensor) in _slots.Zip(tensors))
            slot.Take(tensor);
        _tensor.Binding.Add(this);
        AddCallers(callers);
    }

    /// <summary>Adds the hooks that compute the value for the passes of these modules, too.</summary>
    public void AddCallers(IEnumerable<nn.Module> callers)
    {
        var present = _callers.Select(reference => reference.TryGetTarget(out var caller) ? caller : null).ToList();
        foreach (var caller in callers.Where(caller => !present.Contains(caller)))
        {
            PassHooks.Add(caller, this);
            _callers = [.. _callers, new(caller)];
        }
    }

    /// <summary>
    /// Notes a model for which a cached scope was opened. The hooks on the model stay until the tensor is removed.
    /// </summary>
    public void NoteModel(nn.Module model)
    {
        if (!Array.Exists(_models, reference => reference.TryGetTarget(out var known) && ReferenceEquals(known, model)))
            _models = [.. _models.Where(reference => reference.TryGetTarget(out _)), new(model)];
    }

    public void Enter(PassHooks caller) => _tensor.Binding.Enter(this, caller);

    public void Exit(PassHooks caller) => _tensor.Binding.Exit(this, caller);

    /// <summary>
    /// Plain tensors for the module, with the entries of `value`: it computes with them after the parametrization is removed.
    /// </summary>
    public Tensor[] Own(Tensor value, bool isTrained)
    {
        var members = Layout.Divide(value.alias());
        var own = members.Zip(_slots, (member, slot) => slot.Own(member, isTrained)).ToArray();
        foreach (var member in members)
            member.Dispose();
        return own;
    }

    /// <summary>Gives the module plain tensors again. Returns the module.</summary>
    public nn.Module? Detach(IReadOnlyList<Tensor> own)
    {
        IsHeld = false;
        foreach (var (slot, tensor) in _slots.Zip(own))
            slot.Restore(tensor);
        // The hooks are removed last: a thread that runs no hooks any more then finds the module's own tensors.
        LeaveCallers();
        _tensor.Binding.Remove(this);
        return Owner;
    }

    /// <summary>
    /// Called when the module is being disposed. A scope that outlives the module then finds nothing to take out.
    /// </summary>
    public void Release()
    {
        IsHeld = false;
        LeaveCallers();
        foreach (var slot in _slots)
            slot.Release();
    }

    /// <summary>Shows the value, which is computed once for all modules, in the fields until `Forget`.</summary>
    /// <returns>
    /// The values shown until now. A pass of another thread may still read them, so the caller disposes them later.
    /// </returns>
    public IReadOnlyList<ExposedValue> Hold(ValueCache value)
    {
        if (IsHeld)
            return [];
        if (!IsComputing || !IsReplacedAtOnce)
            Withdraw();
        IsHeld = true;
        return Replace(value);
    }

    /// <summary>
    /// Replaces the shown value by the newly computed one. A concurrent reader sees one or the other, never a placeholder.
    /// </summary>
    /// <returns>The values shown until now; empty when the fields do not hold the value.</returns>
    public IReadOnlyList<ExposedValue> Renew(ValueCache value) => IsHeld ? Replace(value) : [];

    private IReadOnlyList<ExposedValue> Replace(ValueCache value)
    {
        var before = _slots.Select(slot => slot.Exposed).OfType<ExposedValue>().ToList();
        using (Modes.Lasting())
            Show(value.Alias(), isHeld: true);
        return before;
    }

    public void Forget()
    {
        if (!IsHeld)
            return;
        IsHeld = false;
        Withdraw();
    }

    /// <summary>
    /// Called when the parametrized tensor has moved to another device or element type: replaces the placeholder by one there. A
    /// pending assignment stays.
    /// </summary>
    public void Moved()
    {
        IsHeld = false;
        Withdraw();
    }

    /// <summary>Called when `state_dict` is read.</summary>
    public void Lend()
    {
        foreach (var slot in _slots)
            slot.Lend();
    }

    /// <summary>
    /// Takes what others have put into the fields out of them, and puts the placeholders back. Null when there is nothing of that
    /// kind.
    /// </summary>
    public List<ExternalWrite>? TakeExternalWrites()
    {
        List<ExternalWrite>? writes = null;
        foreach (var slot in _slots)
            if (slot.TakeExternalWrite() is { } write)
                (writes ??= []).Add(write);
        if (writes is not null)
        {
            IsHeld = false;
            Hide();
        }
        return writes;
    }

    /// <summary>Called before the parts move.</summary>
    /// <returns>Whether an assignment is pending.</returns>
    public bool KeepAssigned(ScalarType dtype, Device device) =>
        _slots.Aggregate(false, (isPending, slot) => slot.KeepAssigned(dtype, device) || isPending);

    /// <summary>Assigns to the whole tensor: the assigned members, and the present value of the others.</summary>
    public void Assign(IReadOnlyList<ExternalWrite> assigned)
    {
        var lentAt = assigned.Min(write => write.LentAt);
        var wasSuited = assigned.All(write => write.WasSuited);
        var first = assigned[0].Found!;
        if (!Layout.IsJoint)
        {
            _tensor.Assign(first, wasSuited, lentAt);
            return;
        }
        using var _ = NewDisposeScope();
        var present = _tensor.Detached();
        var members = Layout.Divide(wasSuited ? present.to(first.dtype, first.device) : present);
        foreach (var write in assigned)
            members[Array.IndexOf(_slots, write.Slot)] = write.Found!.detach();
        _tensor.Assign(Layout.Join(members), wasSuited, lentAt);
    }

    /// <summary>Shows a value for one pass outside cached scopes.</summary>
    public void ShowAlone(Tensor value)
    {
        foreach (var slot in _slots)
            if (slot.HasRemains)
                slot.Withdraw();
        Show(value, isHeld: false);
    }

    /// <summary>Hides the value at the end of a pass, unless a cached scope holds it.</summary>
    public void HideAlone()
    {
        if (!IsHeld)
            Withdraw();
    }

    /// <summary>
    /// Called when a pass has ended, which may have written to the held value: only later writes count as writes of others.
    /// </summary>
    public void Settle()
    {
        foreach (var slot in _slots)
            slot.Settle();
    }

    /// <summary>The tensor after a forward pass that has changed it in place, as norms do while they train; else null.</summary>
    public Tensor? TakeUpdate()
    {
        if (!IsChanged)
            return null;
        using var scope = NewDisposeScope();
        return Layout
            .Join([.. _slots.Select(slot => slot.Exposed!.Numbers!.detach().clone())])
            .MoveToOuterDisposeScope();
    }

    private void LeaveCallers()
    {
        foreach (var reference in _callers.Concat(_models))
            if (reference.TryGetTarget(out var caller))
                PassHooks.Remove(caller, this);
        (_callers, _models) = ([], []);
    }

    private void Show(Tensor value, bool isHeld)
    {
        if (_slots is [var only])
        {
            only.Show(value, isHeld);
            return;
        }
        var members = Layout.Divide(value);
        for (var index = 0; index < members.Length; index++)
            _slots[index].Show(members[index], isHeld);
    }

    /// <summary>Hides the value. A tensor that a user has assigned meanwhile stays in the field for the next use.</summary>
    private void Withdraw()
    {
        foreach (var slot in _slots)
            slot.Withdraw();
    }

    private void Hide()
    {
        foreach (var slot in _slots)
            slot.Hide();
    }
}

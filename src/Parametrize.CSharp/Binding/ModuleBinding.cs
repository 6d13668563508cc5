using Parametrize.CSharp.Grouping;
using Parametrize.CSharp.Joint;
using Parametrize.CSharp.Threads;
using Parametrize.CSharp.Torch;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Parametrize.CSharp.Binding;

/// <summary>
/// Keeps one parametrized tensor and the module that computes with it together: the tensor is put into the module's
/// field while `call` runs, or until a cached scope ends, and taken out again. A joint one is put into several fields.
/// </summary>
internal sealed class ModuleBinding : IUse
{
    private readonly IComputedTensor _tensor;
    private readonly SlotBinding[] _slots;
    private readonly (nn.Module Set, string Name) _home;
    private WeakReference<nn.Module>[] _callers = [];

    /// <summary>Those that a cached scope was for.</summary>
    private WeakReference<nn.Module>[] _models = [];

    /// <summary>Whether the value stays in the fields between passes.</summary>
    private bool _isHeld;

    /// <summary>Binds nothing yet.</summary>
    /// <param name="tensor">What is computed.</param>
    /// <param name="slots">Where the module reads it, or its members.</param>
    /// <param name="layout">How the members make it up.</param>
    /// <param name="home">The set in which the module's state has it, and its name there.</param>
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

    /// <summary>Who uses the tensor.</summary>
    public TensorAccess Access => _tensor.Binding.Access;

    IGroupable IUse.Tensor => _tensor;

    bool IUse.IsToCompute => _tensor.Binding.IsToCompute(this);

    bool IUse.IsToKeep => _tensor.Binding.IsToKeep;

    /// <summary>The tensor's name in messages.</summary>
    public string Where => $"{Owner?.Title()}.{JointName.Of([.. _slots.Select(slot => slot.Name)])}";

    /// <summary>Null when the module was collected: another that shares the tensor has outlived it.</summary>
    public nn.Module? Owner => _slots[0].Owner;

    public bool IsGone => Owner is null;

    public IEnumerable<Parameter> Kept => _slots.Select(slot => slot.Kept).OfType<Parameter>();

    /// <summary>Whether a forward pass is going on, or has thrown.</summary>
    public bool IsComputing => _slots[0].Exposed is not null && !_isHeld;

    /// <summary>Whether a pass of another thread reads either all that was shown or all that is.</summary>
    public bool IsReplacedAtOnce => _slots is [{ IsReplacedAtOnce: true }];

    /// <summary>Whether what had been put into the fields is there, as far as can be seen at a glance.</summary>
    public bool IsInOrder
    {
        get
        {
            foreach (var slot in _slots)
                if (!slot.IsInOrder)
                    return false;
            return true;
        }
    }

    /// <summary>Whether the value is copied into memory that nothing managed can replace.</summary>
    public bool IsNative => Array.Exists(_slots, slot => slot.IsNative);

    /// <summary>Whether a pass has written in place into a value that lasts.</summary>
    public bool IsOverwritten => Array.Exists(_slots, slot => slot.Exposed is { IsOverwritten: true });

    /// <summary>Whether a value is in its fields.</summary>
    public bool IsShown => Array.Exists(_slots, slot => slot.Exposed is not null);

    /// <summary>Whether a pass has written in place into what is shown of a buffer.</summary>
    public bool IsChanged => Array.Exists(_slots, slot => slot.IsChanged);

    /// <summary>Whether that is the last that was written: nobody has written to the parts since.</summary>
    public bool IsUpdated => Array.Exists(_slots, slot => slot.IsChanged && !slot.IsOvertaken);

    /// <summary>Whether somebody has written into what stands for the tensor, has frozen it, or has put null in its place.</summary>
    public bool IsTouched
    {
        get
        {
            foreach (var slot in _slots)
                if (slot.State is SlotState.Written or SlotState.Retrained or SlotState.Emptied)
                    return true;
            return false;
        }
    }

    /// <summary>What is in the fields.</summary>
    public IEnumerable<SlotState> States => _slots.Select(slot => slot.State);

    /// <summary>Whether something waits for the next use, of which a query says nothing.</summary>
    public bool IsWaiting =>
        Array.Exists(
            _slots,
            slot => slot.State is SlotState.Assigned or SlotState.Shifted or SlotState.Written or SlotState.Retrained
        );

    public bool IsIn(nn.Module home, string? name = null) =>
        ReferenceEquals(home, _home.Set) && (name is null || name == _home.Name);

    /// <summary>The name in the home under which the module shows this tensor, if it does.</summary>
    public string? NameOf(Tensor tensor) => _slots.FirstOrDefault(slot => slot.Shows(tensor))?.Name.Split('.')[^1];

    /// <summary>Takes the module's tensors out, and has the value computed for the passes of these modules.</summary>
    public void Attach(IEnumerable<nn.Module> callers, IReadOnlyList<Tensor> tensors)
    {
        foreach (var (slot, tensor) in _slots.Zip(tensors))
            slot.Take(tensor);
        _tensor.Binding.Add(this);
        AddCallers(callers);
    }

    /// <summary>Has the value computed for the passes of these modules, too.</summary>
    public void AddCallers(IEnumerable<nn.Module> callers)
    {
        var present = _callers.Select(one => one.TryGetTarget(out var caller) ? caller : null).ToList();
        foreach (var caller in callers.Where(caller => !present.Contains(caller)))
        {
            PassHooks.Add(caller, this);
            _callers = [.. _callers, new(caller)];
        }
    }

    /// <summary>A cached scope for this model has the value computed for its passes; its hooks stay until the tensor is removed.</summary>
    public void NoteModel(nn.Module model)
    {
        if (!Array.Exists(_models, one => one.TryGetTarget(out var known) && ReferenceEquals(known, model)))
            _models = [.. _models.Where(one => one.TryGetTarget(out _)), new(model)];
    }

    public void Enter(PassHooks caller) => _tensor.Binding.Enter(this, caller);

    public void Exit(PassHooks caller) => _tensor.Binding.Exit(this, caller);

    /// <summary>Tensors for the module when it goes on without this one, with these numbers.</summary>
    public Tensor[] Own(Tensor value, bool isTrained)
    {
        var members = Layout.Divide(value.alias());
        var own = members.Zip(_slots, (member, slot) => slot.Own(member, isTrained)).ToArray();
        foreach (var member in members)
            member.Dispose();
        return own;
    }

    /// <summary>Gives the module, which is returned, tensors of its own again.</summary>
    public nn.Module? Detach(IReadOnlyList<Tensor> own)
    {
        _isHeld = false;
        foreach (var (slot, tensor) in _slots.Zip(own))
            slot.Restore(tensor);
        // After that: a thread that runs no hooks finds the module's own tensors.
        LeaveCallers();
        _tensor.Binding.Remove(this);
        return Owner;
    }

    /// <summary>The module is being disposed: a scope that outlives it finds nothing to take out.</summary>
    public void Release()
    {
        _isHeld = false;
        LeaveCallers();
        foreach (var slot in _slots)
            slot.Release();
    }

    /// <summary>Keeps the value, which is computed once for all modules, in the fields until it is forgotten.</summary>
    /// <returns>What was there, with which a pass of another thread may compute that has written in its middle.</returns>
    public IReadOnlyList<ExposedValue> Hold(ValueCache value)
    {
        if (_isHeld)
            return [];
        if (!IsComputing || !IsReplacedAtOnce)
            Hide();
        _isHeld = true;
        return Replace(value);
    }

    /// <summary>Puts the value that was computed again into the fields, without a moment between.</summary>
    /// <returns>What was there, if the value is kept in the fields.</returns>
    public IReadOnlyList<ExposedValue> Renew(ValueCache value) => _isHeld ? Replace(value) : [];

    private IReadOnlyList<ExposedValue> Replace(ValueCache value)
    {
        var before = _slots.Select(slot => slot.Exposed).OfType<ExposedValue>().ToList();
        using (Modes.Lasting())
            Show(value.Alias(), isHeld: true);
        return before;
    }

    public void Forget()
    {
        if (!_isHeld)
            return;
        _isHeld = false;
        Withdraw();
    }

    /// <summary>The tensor has moved by itself; what stands for it in the module goes along.</summary>
    public void Moved()
    {
        _isHeld = false;
        Hide();
    }

    /// <summary>`state_dict` is asked for.</summary>
    public void Lend()
    {
        foreach (var slot in _slots)
            slot.Lend();
    }

    /// <summary>Puts the fields in order when something else than what had been put there is found in them.</summary>
    public List<ExternalWrite>? TakeExternalWrites()
    {
        List<ExternalWrite>? writes = null;
        foreach (var slot in _slots)
            if (slot.TakeExternalWrite() is { } write)
                (writes ??= []).Add(write);
        if (writes is not null)
            Moved();
        return writes;
    }

    /// <summary>Takes the right inverse of the whole tensor with what has been assigned to members of it.</summary>
    public void Assign(IReadOnlyList<ExternalWrite> assigned)
    {
        var lentAt = assigned.Min(write => write.LentAt);
        if (!Layout.IsJoint)
        {
            _tensor.Assign(assigned[0].Found!, lentAt);
            return;
        }
        using var _ = NewDisposeScope();
        var members = Layout.Divide(_tensor.Detached());
        foreach (var write in assigned)
            members[Array.IndexOf(_slots, write.Slot)] = write.Found!.detach();
        _tensor.Assign(Layout.Join(members), lentAt);
    }

    /// <summary>For a pass outside cached scopes.</summary>
    public void ShowAlone(Tensor value)
    {
        foreach (var slot in _slots)
            if (slot.HasRemains)
                slot.Hide();
        Show(value, isHeld: false);
    }

    /// <summary>At the end of a pass, unless the value stays.</summary>
    public void HideAlone()
    {
        if (!_isHeld)
            Withdraw();
    }

    /// <summary>A pass has ended, which may have written into the value that stays.</summary>
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
        var members = Layout.Divide(value);
        for (var index = 0; index < members.Length; index++)
            _slots[index].Show(members[index], isHeld);
    }

    /// <summary>What a user has assigned meanwhile stays for the next use.</summary>
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

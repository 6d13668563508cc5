using Parametrize.CSharp.Threads;
using TorchSharp.Utils;

namespace Parametrize.CSharp.Binding;

/// <summary>The data that an injected parameter needs about its slot. Made once for each slot, not for each pass.</summary>
/// <param name="Slot">The slot.</param>
/// <param name="Access">The access to the parametrized tensor.</param>
/// <param name="Replaced">Called when a setter has put another tensor in its place.</param>
/// <param name="OwnerDisposed">Called with the module when that has disposed the tensor together with itself.</param>
internal sealed record SlotContext(Slot Slot, TensorAccess Access, Action Replaced, Action<nn.Module> OwnerDisposed);

/// <summary>
/// The object in a module's field in place of the module's own tensor: a placeholder, or the computed tensor while it is needed. It
/// is not registered, so that the module's state has the names of PyTorch.
/// </summary>
/// <remarks>
/// A setter disposes this parameter, then registers another tensor under its name (<see cref="SetterWatch"/>). Between the two
/// calls the module gets a temporary registry, which restores the real registry at the first write. Modules such as Linear dispose
/// this parameter when they are disposed, but not their children; the children of this library are then disposed here.
/// </remarks>
internal abstract class InjectedParameter : Parameter, IInjected
{
    private readonly SlotContext _context;
    private readonly Tensor[] _self;
    private long _version;
    private readonly bool _isTrained;
    private Action? _restore;

    /// <param name="context">Where it stands.</param>
    /// <param name="data">The tensor.</param>
    /// <param name="requiresGrad">Whether gradients flow through it.</param>
    protected InjectedParameter(SlotContext context, Tensor data, bool requiresGrad)
        : base(data, requiresGrad)
    {
        _context = context;
        this.DetachFromDisposeScope();
        this.TakeOffCount();
        _self = [this];
        _isTrained = requiresGrad;
        Settle();
    }

    protected bool IsInPass => _context.Access.IsInPass;

    /// <summary>Whether it was disposed, by this library or by a setter.</summary>
    public bool IsDisposedHere { get; private set; }

    /// <summary>Whether a setter may be about to put another tensor in its place.</summary>
    public bool IsAwaited => _restore is not null;

    /// <summary>Whether it was written to in place since `Settle`.</summary>
    public virtual bool IsWritten
    {
        get
        {
            lock (_self) // Another thread may be retiring it.
                return !IsInvalid && Versions.Of(_self) != _version;
        }
    }

    /// <summary>The new `requires_grad` when a user has changed it; null when nobody has.</summary>
    public virtual bool? ChangedRequiresGrad
    {
        get
        {
            lock (_self)
                return !IsInvalid && requires_grad != _isTrained ? !_isTrained : null;
        }
    }

    /// <summary>Accepts the present contents: only later writes count as writes of others.</summary>
    public void Settle()
    {
        if (!IsInvalid)
            _version = Versions.Of(_self);
    }

    /// <summary>Disposes it when no registration will follow; leaves it to the garbage collector while it may be in use.</summary>
    public virtual void Retire(bool isInUse = false)
    {
        if (_restore is not null)
            GiveUp();
        IsDisposedHere = true;
        if (!isInUse)
            Free();
    }

    /// <summary>Frees the native tensor. The managed object stays in the field, and throws when it is used.</summary>
    protected void FreeNative()
    {
        Retire();
        IsDisposedHere = false;
    }

    protected override void Dispose(bool disposing)
    {
        // No field is set if the constructor of the base class has thrown. Then only the finalizer calls this method.
        if (_self is null)
        {
            base.Dispose(disposing);
            return;
        }
        if (disposing && !Monitor.IsEntered(_self) && _context.Slot.Owner is { } owner)
            if (!ModuleInternals.IsDisposed(owner))
                AwaitSetter(owner);
            else if (!IsDisposedHere)
                DisposeWithOwner(owner);
        lock (_self)
        {
            IsDisposedHere |= disposing;
            base.Dispose(disposing);
        }
    }

    /// <summary>
    /// Disposes it without waiting for access. `Dispose` knows by the lock that the call is from here; a setter may dispose it at
    /// the same time.
    /// </summary>
    private void Free()
    {
        lock (_self)
            Dispose();
    }

    private void DisposeWithOwner(nn.Module owner)
    {
        using var alone = _context.Access.Writing();
        IsDisposedHere = true;
        _context.OwnerDisposed(owner);
    }

    /// <summary>Called when a setter is about to dispose it.</summary>
    protected virtual void KeepAlias() { }

    /// <summary>
    /// Restores the module's registry and bias when the setter has registered nothing (it was given null, or the tensor was only
    /// disposed).
    /// </summary>
    public void GiveUp()
    {
        Restore();
        EndWaiting();
    }

    /// <summary>
    /// Makes other threads wait until the setter has registered its tensor. It may never register one, so they wait for 1 s only
    /// (`Visit.IsOver`).
    /// </summary>
    private void AwaitSetter(nn.Module owner)
    {
        var (slot, access) = (_context.Slot, _context.Access);
        var visit = access.Begin(isAlone: true);
        // Another thread may have put another parameter here meanwhile. The setter replaces that parameter without disposing it. When
        // a user disposes a parameter that was read earlier, no setter follows: the next use gives up waiting.
        var present = slot.Get() is { } found ? found as InjectedParameter : this;
        if (present is not { _restore: null })
        {
            access.End(visit); // Another setter was before this one.
            return;
        }
        visit.IsOfSetter = true;
        access.BeginPass(visit, present);
        Visitor.Current.SuspectPass(visit);
        if (ReferenceEquals(present, this))
            Spend();
        present.AwaitRegistration(owner);
    }

    private void Spend()
    {
        lock (_self)
        {
            IsDisposedHere = true;
            KeepAlias();
        }
    }

    private void AwaitRegistration(nn.Module owner)
    {
        var putBiasBack = SetterWatch.WatchBias(
            owner,
            this,
            onDisposing: () =>
            {
                GiveUp();
                DisposeWithOwner(owner);
            }
        );
        if (_context.Slot.IsBuffer)
            WatchRegistry<(Tensor, bool)>(() => ref ModuleInternals.Buffers(owner), putBiasBack);
        else
            WatchRegistry<Parameter>(() => ref ModuleInternals.Parameters(owner), putBiasBack);
    }

    private void WatchRegistry<T>(Registry<T> registry, Action putBiasBack)
    {
        lock (_self)
        {
            var real = registry();
            registry() = SetterWatch.Watched(
                real,
                onAdding: () =>
                {
                    Restore();
                    if (!IsDisposedHere)
                    {
                        Spend();
                        Free();
                    }
                    try
                    {
                        _context.Replaced();
                    }
                    finally
                    {
                        EndWaiting();
                    }
                }
            );
            _restore = () =>
            {
                registry() = real;
                putBiasBack();
            };
        }
    }

    /// <summary>Other threads may have stopped waiting for the setter, and may be retiring this parameter.</summary>
    private void Restore()
    {
        lock (_self)
        {
            _restore?.Invoke();
            _restore = null;
        }
    }

    private void EndWaiting()
    {
        if (_context.Access.Find(this) is { } visit)
            _context.Access.End(visit);
    }

    private delegate ref OrderedDict<string, T> Registry<T>();
}

/// <summary>
/// Stands in a slot outside forward passes, so that code that bypasses the hooks fails instead of computing with wrong numbers.
/// </summary>
internal sealed class Placeholder : InjectedParameter
{
    private readonly string _name;

    public Placeholder(SlotContext context, ScalarType dtype, Device device, bool isTrained)
        : base(context, context.Slot.Nothing(dtype, device), isTrained)
    {
        _name = context.Slot.Name;
        // Without a handle each use throws in managed code. An empty tensor would be refused by libtorch, and where
        // TorchSharp does not catch that (0.107.0: matmul) it ends the process.
        if (!context.Slot.NeedsTensor)
            FreeNative();
    }

    public override string ToString() =>
        $"'{_name}' is parametrized and has no value outside `call`: read module.parametrization(\"{_name}\").Value.";
}

/// <summary>The computed tensor. It is not a leaf: gradients flow through it.</summary>
internal sealed class ExposedValue(SlotContext context, Tensor value, bool isWatched)
    : InjectedParameter(context, value, value.requires_grad)
{
    /// <summary>Always null: it is not a leaf, and libtorch ignores a `requires_grad` that is set on it.</summary>
    public override bool? ChangedRequiresGrad => null;

    /// <summary>An alias of the tensor, made when a setter disposes this.</summary>
    private Tensor? _left;

    /// <summary>
    /// Whether it was written to between passes, in a cached scope. A pass may write: an Embedding with `max_norm` scales its
    /// weight.
    /// </summary>
    public override bool IsWritten => IsOverwritten && !IsInPass;

    /// <summary>Whether the value of a cached scope was written to, in a pass or between passes.</summary>
    public bool IsOverwritten => isWatched && base.IsWritten;

    /// <summary>The tensor, or its alias once a setter has disposed it; null when it was retired.</summary>
    public Tensor? Numbers => _left ?? (IsDisposedHere || IsInvalid ? null : this);

    /// <summary>Whether a tensor is this one, moved.</summary>
    public bool IsBefore(Tensor moved) => moved.IsMovedFrom(Numbers ?? this);

    public override void Retire(bool isInUse = false)
    {
        base.Retire(isInUse);
        _left?.Dispose();
        _left = null;
    }

    protected override void KeepAlias() => _left ??= IsInvalid ? null : detach().DetachFromDisposeScope();
}

/// <summary>
/// A tensor that a setter has assigned, until the next use takes it. It stands in the field for the user's own parameter, which the
/// next setter would dispose without waiting for a thread that is reading it.
/// </summary>
internal sealed class PendingAssignment(SlotContext context, Tensor assigned)
    : InjectedParameter(context, Apart(assigned), assigned.requires_grad)
{
    /// <summary>A view, or a copy of an inference tensor, which has no version and of which no view can be trained.</summary>
    private static Tensor Apart(Tensor assigned) =>
        Versions.SharesCounter(assigned, assigned) ? assigned.detach() : assigned.clone();

    /// <summary>The user may have put this parameter into another module meanwhile.</summary>
    public override void Retire(bool isInUse = false) => base.Retire(isInUse: true);
}

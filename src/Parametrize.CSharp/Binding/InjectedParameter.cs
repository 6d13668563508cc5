using Parametrize.CSharp.Threads;
using Parametrize.CSharp.Torch;
using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Parametrize.CSharp.Binding;

/// <summary>
/// What a module's field holds instead of a tensor of its own: a placeholder, or the computed tensor while it is needed.
/// It is not registered: the module's state reads as PyTorch's.
/// </summary>
/// <remarks>
/// Setters dispose it and register another tensor under its name (<see cref="SetterWatch"/>). Between the two, the module is
/// given a registry to throw away, which puts the real one back when it is written to. Some modules that are disposed dispose
/// it, too, and no children: those that are ours are disposed here.
/// </remarks>
internal abstract class InjectedParameter : Parameter, IInjected
{
    private readonly Slot _slot;
    private readonly TensorAccess _access;
    private readonly Action _replaced;
    private readonly Action<nn.Module> _ownerDisposed;
    private readonly Tensor[] _self;
    private long _version;
    private readonly bool _isTrained;
    private Action? _restore;

    /// <param name="slot">Where it stands.</param>
    /// <param name="data">The tensor.</param>
    /// <param name="requiresGrad">Whether gradients flow through it.</param>
    /// <param name="access">Who uses the tensor that it stands for.</param>
    /// <param name="replaced">Called when a setter has put another in its place.</param>
    /// <param name="ownerDisposed">Called when the module has disposed it with itself.</param>
    protected InjectedParameter(
        Slot slot,
        Tensor data,
        bool requiresGrad,
        TensorAccess access,
        Action replaced,
        Action<nn.Module> ownerDisposed
    )
        : base(data, requiresGrad)
    {
        (_slot, _access, _replaced, _ownerDisposed) = (slot, access, replaced, ownerDisposed);
        this.DetachFromDisposeScope();
        this.TakeOffCount();
        _self = [this];
        _isTrained = requiresGrad;
        Settle();
    }

    protected bool IsInPass => _access.IsInPass;

    /// <summary>Disposed, by us or by a setter.</summary>
    public bool IsSpent { get; private set; }

    /// <summary>Whether somebody has written into it, in place, since it was settled.</summary>
    public virtual bool IsWritten => !IsInvalid && Versions.Of(_self) != _version;

    /// <summary>Whether somebody wants the tensor trained, or frozen, other than it was; null when nobody has said so.</summary>
    public virtual bool? WantsTraining => !IsInvalid && requires_grad != _isTrained ? !_isTrained : null;

    /// <summary>What has been written is all right.</summary>
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
        IsSpent = true;
        if (!isInUse)
            Free();
    }

    /// <summary>Gives up the tensor, but keeps its place in the field.</summary>
    protected void Hollow()
    {
        Retire();
        IsSpent = false;
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing && !Monitor.IsEntered(_self) && _slot.Owner is { } owner)
            if (!ModuleInternals.IsDisposed(owner))
                AwaitSetter(owner);
            else if (!IsSpent)
                LeaveWith(owner);
        lock (_self)
        {
            IsSpent |= disposing;
            base.Dispose(disposing);
        }
    }

    /// <summary>Disposes it without waiting, by the lock known as ours; a setter may do so at the same time.</summary>
    private void Free()
    {
        lock (_self)
            Dispose();
    }

    private void LeaveWith(nn.Module owner)
    {
        using var alone = _access.Writing();
        IsSpent = true;
        _ownerDisposed(owner);
    }

    /// <summary>A setter is about to dispose it.</summary>
    protected virtual void Leave() { }

    /// <summary>Gives the module back what it was watched by, when the setter had nothing to register.</summary>
    public void GiveUp()
    {
        Restore();
        EndWaiting();
    }

    /// <summary>Other threads wait until the setter has registered. It may never do so: they do not wait for long.</summary>
    private void AwaitSetter(nn.Module owner)
    {
        var visit = _access.Begin(isAlone: true);
        // Another thread may have put another parameter here meanwhile. A setter replaces that without disposing it. Where a user
        // disposes what he has read before, no setter follows, and that stays.
        var present = _slot.Get() is { } found ? found as InjectedParameter : this;
        if (present is not { _restore: null })
        {
            _access.End(visit); // Another setter was before this one.
            return;
        }
        visit.IsOfSetter = true;
        _access.BeginPass(visit, present);
        Visitor.Current.SuspectPass(visit);
        if (ReferenceEquals(present, this))
            Spend();
        present.AwaitRegistration(owner);
    }

    private void Spend()
    {
        lock (_self)
        {
            IsSpent = true;
            Leave();
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
                LeaveWith(owner);
            }
        );
        if (_slot.IsBuffer)
            Divert<(Tensor, bool)>(() => ref ModuleInternals.Buffers(owner), putBiasBack);
        else
            Divert<Parameter>(() => ref ModuleInternals.Parameters(owner), putBiasBack);
    }

    private void Divert<T>(Registry<T> registry, Action putBiasBack)
    {
        lock (_self)
        {
            var real = registry();
            registry() = SetterWatch.Watched(
                real,
                onAdding: () =>
                {
                    Restore();
                    if (!IsSpent)
                    {
                        Spend();
                        Free();
                    }
                    _replaced();
                    EndWaiting();
                }
            );
            _restore = () =>
            {
                registry() = real;
                putBiasBack();
            };
        }
    }

    /// <summary>Others may have given up waiting for the setter, and retire this.</summary>
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
        if (_access.Find(this) is { } visit)
            _access.End(visit);
    }

    private delegate ref OrderedDict<string, T> Registry<T>();
}

/// <summary>What is in a slot outside a forward pass, so that whatever bypasses the hooks fails loudly.</summary>
internal sealed class Placeholder : InjectedParameter
{
    private readonly string _name;

    public Placeholder(
        Slot slot,
        ScalarType dtype,
        Device device,
        bool isTrained,
        TensorAccess access,
        Action replaced,
        Action<nn.Module> ownerDisposed
    )
        : base(slot, slot.Nothing(dtype, device), isTrained, access, replaced, ownerDisposed)
    {
        _name = slot.Name;
        // Without a handle each use throws in managed code. An empty tensor would be refused by libtorch, and where
        // TorchSharp does not catch that (0.107.0: matmul) it ends the process.
        if (!slot.NeedsTensor)
            Hollow();
    }

    public override string ToString() =>
        $"'{_name}' is parametrized and has no value outside `call`: read module.parametrization(\"{_name}\").Value.";
}

/// <summary>The computed tensor, no leaf: gradients flow through it.</summary>
internal sealed class ExposedValue(
    Slot slot,
    Tensor value,
    bool isWatched,
    TensorAccess access,
    Action replaced,
    Action<nn.Module> ownerDisposed
) : InjectedParameter(slot, value, value.requires_grad, access, replaced, ownerDisposed)
{
    /// <summary>It is no leaf: libtorch keeps no flag that somebody sets.</summary>
    public override bool? WantsTraining => null;

    /// <summary>The numbers, once a setter has disposed this.</summary>
    private Tensor? _left;

    /// <summary>
    /// Between passes, where it lasts. A pass may write: Embedding does so when it has a largest norm.
    /// </summary>
    public override bool IsWritten => IsOverwritten && !IsInPass;

    /// <summary>Whether a pass, or somebody between passes, has written into what lasts.</summary>
    public bool IsOverwritten => isWatched && base.IsWritten;

    /// <summary>The tensor, or its numbers once a setter has disposed it; null where it was given up.</summary>
    public Tensor? Numbers => _left ?? (IsSpent || IsInvalid ? null : this);

    /// <summary>Whether a tensor is this one, moved: the same numbers in another element type or on another device.</summary>
    public bool IsBefore(Tensor moved)
    {
        if (moved.device_type == DeviceType.META)
            return true; // It has no numbers.
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var numbers = (Numbers ?? this).to(moved.dtype, moved.device);
        return numbers.shape.SequenceEqual(moved.shape) && numbers.allclose(moved, 0, 0, equal_nan: true);
    }

    public override void Retire(bool isInUse = false)
    {
        base.Retire(isInUse);
        _left?.Dispose();
        _left = null;
    }

    protected override void Leave() => _left ??= IsInvalid ? null : detach().DetachFromDisposeScope();
}

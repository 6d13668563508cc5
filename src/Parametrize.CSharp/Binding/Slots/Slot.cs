using System.Runtime.CompilerServices;
using Parametrize.CSharp.Torch;
using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Parametrize.CSharp.Binding;

/// <summary>
/// The place from which a module's forward pass reads one of its tensors. Holds the module weakly: the module holds what
/// holds the slot.
/// </summary>
internal abstract class Slot
{
    /// <summary>All names in the order of the state, those included whose tensors are parametrized.</summary>
    private static readonly ConditionalWeakTable<nn.Module, List<string>> Orders = [];

    private readonly WeakReference<nn.Module> _owner;
    private readonly string[] _names;
    private readonly List<string> _order;
    private readonly long[] _shape;
    private readonly bool _isPersistent;

    protected Slot(nn.Module owner, string name, bool isBuffer)
    {
        _owner = new(owner);
        var (parameters, buffers) = (ModuleInternals.Parameters(owner), ModuleInternals.Buffers(owner));
        var names = isBuffer ? buffers.Keys.ToArray() : [.. parameters.Keys];
        Tensor[] tensors = isBuffer ? [.. buffers.Values.Select(entry => entry.Item1)] : [.. parameters.Values];
        var position = Array.IndexOf(names, name);
        _names = [.. names.Where((_, index) => ReferenceEquals(tensors[index], tensors[position]))];
        _shape = tensors[position].shape;
        _isPersistent = !isBuffer || buffers[name].Item2;
        _order = Orders.GetOrCreateValue(owner);
        _order.AddRange(parameters.Keys.Concat(buffers.Keys).Except(_order).ToList());
        Name = name;
        IsBuffer = isBuffer;
    }

    /// <summary>The name in the module's registry; it has dots where native modules are inside.</summary>
    public string Name { get; }

    public bool IsBuffer { get; }

    public nn.Module? Owner => _owner.TryGetTarget(out var owner) ? owner : null;

    /// <summary>Whether the module asks what is in the slot for its dtype and device when it is moved.</summary>
    public virtual bool NeedsTensor => true;

    /// <summary>Whether a module that computes meanwhile reads either what was there or what is put there.</summary>
    public virtual bool IsReplacedAtOnce => false;

    /// <summary>Whether the value is copied into memory that nothing managed can replace.</summary>
    public virtual bool IsNative => false;

    /// <summary>Whether there is nothing in it outside a forward pass.</summary>
    public virtual bool MayBeEmpty => false;

    /// <summary>What stands in the slot outside a forward pass: NaN in the memory of one number.</summary>
    public Tensor Nothing(ScalarType dtype, Device device)
    {
        using var one = full([], Scalars.scalarOf(double.NaN), dtype: dtype, device: device);
        return one.expand(ShapeOfNothing(_shape));
    }

    /// <summary>Whether a tensor that was found is what stands there outside a forward pass, moved by its module.</summary>
    public bool IsNothing(Tensor found)
    {
        var shape = ShapeOfNothing(_shape);
        return found.shape.SequenceEqual(shape) && (!shape.SequenceEqual(_shape) || IsUnwritten(found));
    }

    /// <summary>Whether nobody has written into what stands there outside a forward pass, before it was moved.</summary>
    public static bool IsUnwritten(Tensor found)
    {
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        return found.device_type == DeviceType.META || found.isnan().all().item<bool>();
    }

    /// <summary>Whether the module trains its own tensor.</summary>
    /// <param name="own">What its registry has.</param>
    public virtual bool IsTrained(Tensor own) => own.requires_grad;

    /// <summary>What the forward pass would read now; null when there is nothing.</summary>
    public abstract Tensor? Get();

    /// <summary>Lets the forward pass read this tensor; the registry never shows it unless it is all there is.</summary>
    public abstract void Set(Parameter tensor);

    /// <summary>Whether a tensor that a user got from the module is what is in the slot.</summary>
    public virtual bool Shows(Tensor tensor) => false;

    /// <summary>Whether what was put here is at another place of the same collection now.</summary>
    public virtual bool HasShifted(Tensor? tensor) => false;

    /// <summary>Takes the tensor out of the module, and makes it one that the module does not touch.</summary>
    public virtual void Take(Tensor tensor) => Unregister();

    /// <summary>Frees what is ours when the module is disposed.</summary>
    public virtual void Release() { }

    /// <summary>Gives the module a tensor of its own again, at its old place in the state.</summary>
    public void Restore(Tensor tensor)
    {
        if (Owner is not { } owner)
            return;
        PutBack(owner, tensor);
        Unregister();
        if (IsBuffer)
            InsertInto(ModuleInternals.Buffers(owner), (tensor, _isPersistent));
        else
            InsertInto(ModuleInternals.Parameters(owner), (Parameter)tensor);
    }

    /// <summary>
    /// Takes the tensor out of the module's state, under all its names: RegisterComponents registers an automatic
    /// property a second time, as its backing field.
    /// </summary>
    public void Unregister()
    {
        if (Owner is not { } owner)
            return;
        foreach (var name in _names)
        {
            if (ModuleInternals.Parameters(owner).ContainsKey(name))
                ModuleInternals.Parameters(owner).Remove(name);
            if (ModuleInternals.Buffers(owner).ContainsKey(name))
                ModuleInternals.Buffers(owner).Remove(name);
        }
    }

    /// <summary>
    /// A shape that the forward pass refuses. A matrix has one dimension more: it stays one for a user who multiplies by its
    /// transpose, since TorchSharp (0.107.0) does not catch what libtorch's `matmul` throws, which ends the process.
    /// </summary>
    protected virtual long[] ShapeOfNothing(long[] shape) =>
        shape.Length == 2 ? [.. shape, 1] : [.. shape.Select(length => length + 1)];

    /// <summary>What the module's state has under the name.</summary>
    protected Tensor? Registered(nn.Module owner) =>
        IsBuffer ? ModuleInternals.BufferOf(owner, Name) : ModuleInternals.ParameterOf(owner, Name);

    /// <summary>Lets the forward pass read the module's own tensor again.</summary>
    protected abstract void PutBack(nn.Module owner, Tensor tensor);

    /// <summary>Before the first of the tensors that follow it: others may have come and gone meanwhile.</summary>
    private void InsertInto<T>(OrderedDict<string, T> registry, T value)
    {
        var following = _order.SkipWhile(name => name != Name).Skip(1).ToHashSet();
        var position = registry.Keys.ToList().FindIndex(following.Contains);
        registry.Insert(position < 0 ? registry.Count : position, (Name, value));
    }
}

using TorchSharp;
using TorchSharp.Utils;

namespace Parametrize.CSharp.Binding;

/// <summary>
/// The place from which a module's forward pass reads one of its tensors. It holds the module by a weak reference, because the
/// module holds the parametrized tensor, which holds the slot.
/// </summary>
internal abstract class Slot
{
    /// <summary>For each module, all names in the order of its state, names of parametrized tensors included.</summary>
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

    /// <summary>Whether a move of the module reads the dtype and device of the tensor in the slot.</summary>
    public virtual bool NeedsTensor => true;

    /// <summary>
    /// Whether replacing the tensor in the slot is atomic: a concurrent pass reads either the old one or the new one.
    /// </summary>
    public virtual bool IsReplacedAtOnce => false;

    /// <summary>Whether the value is copied into native memory, which cannot be replaced by a managed object.</summary>
    public virtual bool IsNative => false;

    /// <summary>Whether the slot may be empty outside forward passes.</summary>
    public virtual bool MayBeEmpty => false;

    /// <summary>The placeholder's tensor: NaN in every entry, in the memory of one number.</summary>
    public Tensor Nothing(ScalarType dtype, Device device)
    {
        using var nan = full([], Scalars.scalarOf(double.NaN), dtype: dtype, device: device);
        return nan.expand(PlaceholderShape(_shape));
    }

    /// <summary>Whether a tensor that was found in the slot is the placeholder, after a move of the module.</summary>
    public bool IsPlaceholder(Tensor found)
    {
        var shape = PlaceholderShape(_shape);
        return found.shape.SequenceEqual(shape) && (!shape.SequenceEqual(_shape) || IsAllNaN(found));
    }

    /// <summary>Whether a moved placeholder still has NaN in every entry: nobody has written to it.</summary>
    public static bool IsAllNaN(Tensor found)
    {
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        return found.device_type == DeviceType.META || found.isnan().all().item<bool>();
    }

    /// <summary>Whether the module trains its own tensor.</summary>
    /// <param name="own">The tensor in the module's registry.</param>
    public virtual bool IsTrained(Tensor own) => own.requires_grad;

    /// <summary>The tensor that the forward pass would read now; null when there is none.</summary>
    public abstract Tensor? Get();

    /// <summary>
    /// Lets the forward pass read this tensor. The tensor is not registered, except where the registry is the only place that the
    /// pass reads.
    /// </summary>
    public abstract void Set(Parameter tensor);

    /// <summary>Whether a tensor that a user got from the module is the one in the slot.</summary>
    public virtual bool Shows(Tensor tensor) => false;

    /// <summary>Whether the tensor that was put here is at another position of the same collection now.</summary>
    public virtual bool HasShifted(Tensor? tensor) => false;

    /// <summary>Removes the tensor from the module's registry, so that the module neither moves nor disposes it.</summary>
    public virtual void Take(Tensor tensor) => Unregister();

    /// <summary>Frees the tensors of this library when the module is disposed.</summary>
    public virtual void Release() { }

    /// <summary>Gives the module a plain tensor again, at its old position in the state.</summary>
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
        ModuleInternals.KeepRegistered(owner);
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
    protected virtual long[] PlaceholderShape(long[] shape) =>
        shape.Length == 2 ? [.. shape, 1] : [.. shape.Select(length => length + 1)];

    /// <summary>The tensor that the module's registry has under the name.</summary>
    protected Tensor? Registered(nn.Module owner) =>
        IsBuffer ? ModuleInternals.BufferOf(owner, Name) : ModuleInternals.ParameterOf(owner, Name);

    /// <summary>Lets the forward pass read the module's own tensor again.</summary>
    protected abstract void PutBack(nn.Module owner, Tensor tensor);

    /// <summary>
    /// Inserts the value before the first present tensor that follows it in the order of names: tensors may have been added and
    /// removed meanwhile.
    /// </summary>
    private void InsertInto<T>(OrderedDict<string, T> registry, T value)
    {
        var following = _order.SkipWhile(name => name != Name).Skip(1).ToHashSet();
        var position = registry.Keys.ToList().FindIndex(following.Contains);
        registry.Insert(position < 0 ? registry.Count : position, (Name, value));
    }
}

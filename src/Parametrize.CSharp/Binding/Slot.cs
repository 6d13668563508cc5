using System.Reflection;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Parametrize.CSharp.Binding;

/// <summary>
/// The place from which a module's forward pass reads one of its tensors: the fields that hold it, or its registry when
/// no field does (`get_parameter`). Holds the module weakly: the module holds what holds the slot.
/// </summary>
internal sealed class Slot
{
    private readonly WeakReference<nn.Module> _owner;
    private readonly FieldInfo[] _fields;
    private readonly string[] _names;
    private readonly string[] _following;

    private Slot(nn.Module owner, string name, bool isBuffer, FieldInfo[] fields)
    {
        _owner = new(owner);
        _fields = fields;
        var (parameters, buffers) = (ModuleInternals.Parameters(owner), ModuleInternals.Buffers(owner));
        var names = isBuffer ? buffers.Keys.ToArray() : [.. parameters.Keys];
        Tensor[] tensors = isBuffer ? [.. buffers.Values.Select(entry => entry.Item1)] : [.. parameters.Values];
        var position = Array.IndexOf(names, name);
        _names = [.. names.Where((_, index) => ReferenceEquals(tensors[index], tensors[position]))];
        _following = names[(position + 1)..];
        Name = name;
        IsBuffer = isBuffer;
    }

    public string Name { get; }

    public bool IsBuffer { get; }

    /// <summary>TorchSharp's own modules ask what is in their fields for its dtype and device when they are moved.</summary>
    public bool NeedsTensor => _fields.Any(one => one.DeclaringType!.Assembly == typeof(nn.Module).Assembly);

    public nn.Module? Owner => _owner.TryGetTarget(out var owner) ? owner : null;

    /// <summary>Finds where the module keeps the tensor, or says why it cannot be bound.</summary>
    public static (Slot Slot, Tensor Tensor) Find(nn.Module owner, string name)
    {
        ModuleInternals.RegisterComponents(owner);
        var parameter = ParameterOf(owner, name);
        var tensor = parameter ?? BufferOf(owner, name) ?? throw NotATensor(owner, name);

        var fields = FieldsHolding(owner, tensor);
        if (fields.Length == 0 && PropertyOf(owner, name, parameter is not null) is { } read)
            (fields, tensor) = (FieldsHolding(owner, read), read);
        if (fields.FirstOrDefault(field => !field.FieldType.IsAssignableFrom(typeof(Parameter))) is { } typed)
            throw new NotSupportedException(
                $"{owner.GetName()}.{name} cannot be parametrized: its field {typed.Name} of type {typed.FieldType.Name} "
                    + "cannot hold a computed tensor. Declare it as Parameter or Tensor."
            );
        if (fields.Length == 0 && owner.GetType().Assembly == typeof(nn.Module).Assembly)
            throw new NotSupportedException(
                $"{owner.GetName()}.{name} cannot be parametrized: TorchSharp keeps it in native memory, where a forward "
                    + "pass cannot be given another tensor. Compute with a ParametrizedTensor in a module of your own."
            );
        return (new Slot(owner, name, parameter is null, fields), tensor);
    }

    /// <summary>Whether the module itself, not a child, has a tensor of that name.</summary>
    public static bool Exists(nn.Module owner, string name) =>
        ParameterOf(owner, name) is not null || BufferOf(owner, name) is not null;

    /// <summary>What the forward pass would read now; null when the registry has nothing under that name.</summary>
    public Tensor? Get()
    {
        if (Owner is not { } owner)
            return null;
        if (_fields.Length > 0)
            return (Tensor?)_fields[0].GetValue(owner);
        return IsBuffer ? BufferOf(owner, Name) : ParameterOf(owner, Name);
    }

    /// <summary>Lets the forward pass read this tensor; the registry never shows it unless it is all there is.</summary>
    public void Set(Parameter tensor)
    {
        if (Owner is not { } owner)
            return;
        foreach (var field in _fields)
            field.SetValue(owner, tensor);
        if (_fields.Length > 0)
            return;
        if (tensor is Placeholder)
            Unregister();
        else if (IsBuffer)
            ModuleInternals.Buffers(owner)[Name] = (tensor, true);
        else
            ModuleInternals.Parameters(owner)[Name] = tensor;
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

    /// <summary>Gives the module a tensor of its own again, at its old place in the state.</summary>
    public void Restore(Tensor tensor)
    {
        if (Owner is not { } owner)
            return;
        foreach (var field in _fields)
            field.SetValue(owner, tensor);
        Unregister();
        if (IsBuffer)
            InsertInto(ModuleInternals.Buffers(owner), (tensor, true));
        else
            InsertInto(ModuleInternals.Parameters(owner), (Parameter)tensor);
    }

    /// <summary>Before the first of the tensors that followed it: others may have come and gone meanwhile.</summary>
    private void InsertInto<T>(OrderedDict<string, T> registry, T value)
    {
        var position = registry.Keys.ToList().FindIndex(_following.Contains);
        registry.Insert(position < 0 ? registry.Count : position, (Name, value));
    }

    private static Parameter? ParameterOf(nn.Module owner, string name) =>
        ModuleInternals.Parameters(owner).TryGetValue(name, out var parameter) ? parameter : null;

    private static Tensor? BufferOf(nn.Module owner, string name) =>
        ModuleInternals.Buffers(owner).TryGetValue(name, out var buffer) ? buffer.Item1 : null;

    private static FieldInfo[] FieldsHolding(nn.Module owner, Tensor tensor) =>
        [.. ModuleInternals.FieldsOf(owner).Where(field => ReferenceEquals(ValueOf(field, owner), tensor))];

    /// <summary>Moving a module sets its automatic properties and leaves the registry behind: the property is read.</summary>
    private static Tensor? PropertyOf(nn.Module owner, string name, bool isParameter) =>
        ModuleInternals
            .FieldsOf(owner)
            .Where(field => field.Name == $"<{name}>k__BackingField")
            .Select(field => ValueOf(field, owner) as Tensor)
            .FirstOrDefault(value => value is not null && value is Parameter == isParameter);

    private static object? ValueOf(FieldInfo field, nn.Module owner) =>
        typeof(Tensor).IsAssignableFrom(field.FieldType) ? field.GetValue(owner) : null;

    private static ArgumentException NotATensor(nn.Module owner, string name)
    {
        var names = owner
            .named_parameters(false)
            .Select(p => p.name)
            .Concat(owner.named_buffers(false).Select(b => b.name));
        return new ArgumentException(
            $"{owner.GetName()} has no tensor '{name}' of its own. It has: {string.Join(", ", names)}.",
            nameof(name)
        );
    }
}

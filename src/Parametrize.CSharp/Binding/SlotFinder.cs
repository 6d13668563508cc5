using System.Reflection;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Parametrize.CSharp.Binding;

/// <summary>Finds where a module keeps a tensor, and changes nothing.</summary>
internal static class SlotFinder
{
    /// <summary>The slot and what is in it, or why the tensor cannot be bound.</summary>
    public static (Slot Slot, Tensor Tensor) Find(nn.Module owner, string name)
    {
        ModuleInternals.RegisterComponents(owner);
        var parameter = ModuleInternals.ParameterOf(owner, name);
        var tensor = parameter ?? ModuleInternals.BufferOf(owner, name) ?? throw NotATensor(owner, name);
        var isBuffer = parameter is null;

        var fields = FieldsHolding(owner, tensor);
        if (fields.Length == 0 && BackingFieldOf(owner, name, !isBuffer) is { } read)
            (fields, tensor) = (FieldsHolding(owner, read), read);
        if (fields.FirstOrDefault(field => !field.FieldType.IsAssignableFrom(typeof(Parameter))) is { } typed)
            throw new NotSupportedException(
                $"{owner.GetName()}.{name} cannot be parametrized: its field {typed.Name} of type {typed.FieldType.Name} "
                    + "cannot hold a computed tensor. Declare it as Parameter or Tensor."
            );
        if (fields.Length > 0)
            return (new FieldSlot(owner, name, isBuffer, fields), tensor);
        if (owner.GetType().Assembly != typeof(nn.Module).Assembly)
            return (new RegistrySlot(owner, name, isBuffer), tensor);
        return (InNativeMemory(owner, name, parameter), tensor);
    }

    /// <summary>Whether the module itself, not a child, has a tensor of that name.</summary>
    public static bool Exists(nn.Module owner, string name) =>
        ModuleInternals.ParameterOf(owner, name) is not null || ModuleInternals.BufferOf(owner, name) is not null;

    private static Slot InNativeMemory(nn.Module owner, string name, Parameter? parameter)
    {
        var property = owner.GetType().GetProperty(name, BindingFlags.Instance | BindingFlags.Public);
        if (parameter is not null && property is { CanWrite: true } && property.PropertyType == typeof(Parameter))
            return new PropertySlot(owner, name, parameter.shape, property);
        NativeTensors.Check();
        using var native = owner is jit.ScriptModule || parameter is null ? null : NativeTensors.Find(owner, name);
        if (native is not null && native.dtype == parameter!.dtype && native.shape.SequenceEqual(parameter.shape))
            return new NativeSlot(owner, name);
        throw new NotSupportedException(
            $"{owner.GetName()}.{name} cannot be parametrized: TorchSharp keeps it in native memory, where a forward "
                + "pass cannot be given another tensor. Compute with a ParametrizedTensor in a module of your own."
        );
    }

    private static FieldInfo[] FieldsHolding(nn.Module owner, Tensor tensor) =>
        [.. ModuleInternals.FieldsOf(owner).Where(field => ReferenceEquals(ValueOf(field, owner), tensor))];

    /// <summary>Moving a module sets its automatic properties and leaves the registry behind: the property is read.</summary>
    private static Tensor? BackingFieldOf(nn.Module owner, string name, bool isParameter) =>
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

using System.Reflection;

namespace Parametrize.CSharp.Binding;

/// <summary>
/// Finds the slot in which a module keeps a tensor. It may register the module's fields, and notes the order of their names.
/// </summary>
internal static class SlotFinder
{
    /// <summary>
    /// The slot and the tensor in it; null when the module has no such tensor. Throws when the tensor cannot be bound.
    /// </summary>
    public static (Slot Slot, Tensor Tensor)? Find(nn.Module owner, string name)
    {
        ModuleInternals.RegisterComponents(owner);
        var parameter = ModuleInternals.ParameterOf(owner, name);
        if ((parameter ?? ModuleInternals.BufferOf(owner, name)) is not { } tensor)
            return null;
        if (ModuleInternals.FirstUnassigned(owner) is { } field)
            throw StillBuilt(owner, field);
        var isBuffer = parameter is null;

        var places = FieldPlace.Of(owner, tensor);
        if (places.Length == 0 && FieldOfThatName(owner, name, !isBuffer) is { } read)
            (places, tensor) = (FieldPlace.Of(owner, read), read);
        if (
            places.FirstOrDefault(place => place.Set is null || !place.Type.IsAssignableFrom(typeof(Parameter))) is
            { } odd
        )
            throw CannotHold(owner, name, odd);
        if (places.Length > 0)
            return (new FieldSlot(owner, name, isBuffer, places), tensor);
        if (owner.GetType().Assembly != typeof(nn.Module).Assembly)
            return (new RegistrySlot(owner, name, isBuffer), tensor);
        return (InNativeMemory(owner, name, parameter), tensor);
    }

    private static Slot InNativeMemory(nn.Module owner, string name, Parameter? parameter)
    {
        var property = owner.GetType().GetProperty(name, BindingFlags.Instance | BindingFlags.Public);
        if (parameter is not null && property is { CanWrite: true } && property.PropertyType == typeof(Parameter))
            return new PropertySlot(owner, name, property);
        NativeTensors.Check();
        using var native = owner is jit.ScriptModule || parameter is null ? null : NativeTensors.Find(owner, name);
        if (native is not null && native.dtype == parameter!.dtype && native.shape.SequenceEqual(parameter.shape))
            return new NativeSlot(owner, name);
        throw new NotSupportedException(
            $"{owner.Title()}.{name} cannot be parametrized: TorchSharp keeps it in native memory, where a forward "
                + "pass cannot be given another tensor. Compute with a ParametrizedTensor in a module of your own."
        );
    }

    /// <summary>
    /// The tensor with which a module computes when its registry is out of date: a move sets automatic properties, and users assign
    /// to fields.
    /// </summary>
    private static Tensor? FieldOfThatName(nn.Module owner, string name, bool isParameter) =>
        ModuleInternals
            .FieldsOf(owner)
            .Where(field => field.Name == name || field.Name == $"<{name}>k__BackingField")
            .Select(field => field.GetValue(owner) as Tensor)
            .FirstOrDefault(value => value is not null && value is Parameter == isParameter);

    private static InvalidOperationException StillBuilt(nn.Module owner, FieldInfo field) =>
        new(
            $"{owner.Title()} is still being built: its field '{field.Name}' is null, and a module or tensor assigned to it later would not be registered. Assign all fields "
                + "and call RegisterComponents() before registering on the module's own tensors, or declare the field as "
                + $"{field.FieldType.Name}?."
        );

    private static NotSupportedException CannotHold(nn.Module owner, string name, FieldPlace place)
    {
        var reason = place.Set is null
            ? $"its field {place.Field.Name} holds it in a collection that cannot be changed, or in a collection of collections. Use "
                + "an array, a list, a dictionary or a field"
            : $"its field {place.Field.Name} of type {place.Type.Name} cannot hold a computed tensor. Declare it as "
                + "Parameter or Tensor";
        return new($"{owner.Title()}.{name} cannot be parametrized: {reason}.");
    }
}

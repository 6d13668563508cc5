using Parametrize.CSharp.Binding;
using static TorchSharp.torch;

namespace Parametrize.CSharp;

/// <summary>Where a tensor is: the module that owns it, and its name there.</summary>
internal readonly record struct TensorPath(nn.Module Owner, string Name)
{
    public ParametrizedTensor? Tensor => ParametrizationSet.Of(Owner)?[Name];

    /// <summary>Follows a dotted name into the children.</summary>
    public static TensorPath Resolve(nn.Module module, string name)
    {
        var steps = name.Split('.');
        foreach (var step in steps[..^1])
            module = ModuleInternals.Children(module).TryGetValue(step, out var child)
                ? child
                : throw new ArgumentException($"{module.GetName()} has no child '{step}' (in '{name}').", nameof(name));
        return new(module, steps[^1]);
    }

    /// <summary>Finds the module that owns a tensor, the placeholder of a parametrized one included.</summary>
    public static TensorPath Resolve(nn.Module module, Tensor? tensor)
    {
        if (tensor is not null)
            foreach (var owner in module.modules().Prepend(module))
                if (NameIn(owner, tensor) is { } name)
                    return new(owner, name);
        throw new ArgumentException(
            $"The lambda does not point at a parameter or buffer of {module.GetName()} or of a module inside it.",
            nameof(tensor)
        );
    }

    public static ParametrizedTensor? Find(nn.Module module, string name) => Resolve(module, name).Tensor;

    public static ArgumentException NotParametrized(nn.Module module, string name)
    {
        var present = CachedScope.ParametrizedTensorsOf(module).Select(tensor => tensor.Where).ToList();
        var list = present.Count == 0 ? "nothing" : string.Join(", ", present);
        return new($"{module.GetName()}.{name} is not parametrized. In {module.GetName()} is: {list}.", nameof(name));
    }

    private static string? NameIn(nn.Module owner, Tensor tensor)
    {
        if (owner is not ParametrizedTensor)
            ModuleInternals.RegisterComponents(owner);
        var set = ParametrizationSet.Of(owner);
        return set?.Tensors.FirstOrDefault(bound => bound.Binding!.ShowsAt(tensor))?.Binding!.Name
            ?? owner.named_parameters(false).FirstOrDefault(p => ReferenceEquals(p.parameter, tensor)).name
            ?? owner.named_buffers(false).FirstOrDefault(b => ReferenceEquals(b.buffer, tensor)).name;
    }
}

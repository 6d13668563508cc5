using Parametrize.CSharp.Binding;
using static TorchSharp.torch;

namespace Parametrize.CSharp;

/// <summary>Where a tensor is: the module that owns it, and its name there.</summary>
internal readonly record struct TensorPath(nn.Module Owner, string Name)
{
    public ParametrizedTensor? Tensor => Find(Owner, Name);

    /// <summary>The tensors that make up a joint one; of one alone, itself.</summary>
    public IReadOnlyList<TensorPath> Parts
    {
        get
        {
            var owner = Owner;
            return [.. JointName.Parts(owner, Name).Select(name => new TensorPath(owner, name))];
        }
    }

    /// <summary>Throws when the tensor is only a part of a joint one.</summary>
    public void RequireWhole()
    {
        if (Tensor is { Binding.Layout: { IsJoint: true } } joint && !JointName.IsOfSeveral(Name))
            throw new InvalidOperationException(
                $"{this} is a part of {joint.Where}. Name that, or remove it first and join the tensors anew."
            );
    }

    public override string ToString() => $"{Owner.GetName()}.{Name}";

    /// <summary>Follows a dotted name into the children; native modules have tensors whose names have dots.</summary>
    public static TensorPath Resolve(nn.Module module, string name)
    {
        for (var rest = name; ; )
        {
            ModuleInternals.RegisterComponents(module);
            if (!rest.Contains('.') || JointName.Parts(module, rest).All(part => SlotFinder.Exists(module, part)))
                return new(module, rest);
            var (step, tail) = FirstStep(rest);
            module =
                ChildOf(module, step)
                ?? throw new ArgumentException(
                    $"{module.GetName()} has no child '{step}' (in '{name}').",
                    nameof(name)
                );
            rest = tail;
        }
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

    /// <summary>The parametrized tensor of that name, if there is one.</summary>
    public static ParametrizedTensor? Find(nn.Module module, string name)
    {
        if (!name.Contains('.'))
            return ParametrizationSet.Of(module)?[name];
        var (step, tail) = FirstStep(name);
        return ChildOf(module, step) is { } child ? Find(child, tail) : null;
    }

    public static ArgumentException NotParametrized(nn.Module module, string name)
    {
        var present = CachedScope.ParametrizedTensorsOf(module).Select(tensor => tensor.Where).ToList();
        var list = present.Count == 0 ? "nothing" : string.Join(", ", present);
        return new($"{module.GetName()}.{name} is not parametrized. In {module.GetName()} is: {list}.", nameof(name));
    }

    private static (string Step, string Tail) FirstStep(string name) =>
        (name[..name.IndexOf('.')], name[(name.IndexOf('.') + 1)..]);

    /// <summary>By what the module says: Sequential does not register its children.</summary>
    private static nn.Module? ChildOf(nn.Module module, string name) =>
        module.named_children().FirstOrDefault(child => child.name == name).module;

    private static string? NameIn(nn.Module owner, Tensor tensor)
    {
        if (owner is not ParametrizedTensor)
            ModuleInternals.RegisterComponents(owner);
        var set = ParametrizationSet.Of(owner);
        // The properties of native modules give a new managed object each time.
        return set?.Named.Select(bound => bound.Tensor.Binding.NameOf(set, bound.Name, tensor))
                .FirstOrDefault(name => name is not null)
            ?? owner.named_parameters(false).FirstOrDefault(p => NativeTensors.AreOne(p.parameter, tensor)).name
            ?? owner.named_buffers(false).FirstOrDefault(b => NativeTensors.AreOne(b.buffer, tensor)).name;
    }
}

using Parametrize.CSharp.Lists;

namespace Parametrize.CSharp.Registration;

/// <summary>A model as its user sees it: without the modules that parametrizing has put into it.</summary>
internal static class ModelTree
{
    /// <summary>
    /// The lock for reading or changing registries of modules. It is one for the process, because models can share modules. Never
    /// wait for a `TensorAccess` while holding it.
    /// </summary>
    public static Lock Structure { get; } = new();

    /// <summary>
    /// The model and the modules in it under their dotted names, the model first, a shared one once under its first name.
    /// </summary>
    /// <param name="model">The model, whose own name is empty.</param>
    /// <param name="registering">Whether fields that have not been registered yet are registered on the way.</param>
    public static List<(string Name, nn.Module Module, ParentModule? Parent)> Modules(
        nn.Module model,
        bool registering = false
    )
    {
        using var _ = Structure.EnterScope();
        var found = new List<(string, nn.Module, ParentModule?)>();
        var seen = new HashSet<nn.Module>(ReferenceEqualityComparer.Instance);
        Walk("", ListProxies.Behind(model), null);
        return found;

        void Walk(string name, nn.Module module, ParentModule? parent)
        {
            if (module is ParametrizationSet or ParametrizedTensor or NativeChild || !seen.Add(module))
                return;
            ParametrizationSet.RequireAlive(module);
            if (registering)
                ModuleInternals.RegisterComponents(module);
            found.Add((name, module, parent));
            foreach (var (step, child) in module.named_children())
                Walk(Join(name, step), ListProxies.Behind(child), new(module, step, parent));
        }
    }

    /// <summary>The module and all modules inside it, those of this library included.</summary>
    public static List<nn.Module> All(nn.Module module)
    {
        using var _ = Structure.EnterScope();
        var found = new OrderedDictionary<nn.Module, bool>(ReferenceEqualityComparer.Instance);
        Walk(ListProxies.Behind(module));
        return [.. found.Keys];

        void Walk(nn.Module current)
        {
            if (!found.TryAdd(current, true))
                return;
            if (current is not ParametrizedTensor)
                ModuleInternals.RegisterComponents(current);
            foreach (var (_, child) in current.named_children())
                Walk(ListProxies.Behind(child));
        }
    }

    /// <summary>Whether several modules of a model have a tensor. Quick, since each registration asks.</summary>
    public static bool IsShared(nn.Module model, Tensor tensor)
    {
        using var _ = Structure.EnterScope();
        var identity = NativeTensors.Identity(tensor);
        var seen = new HashSet<nn.Module>(ReferenceEqualityComparer.Instance);
        var count = 0;
        Walk(ListProxies.Behind(model));
        return count > 1;

        void Walk(nn.Module module)
        {
            if (count > 1 || module is ParametrizationSet or ParametrizedTensor or NativeChild || !seen.Add(module))
                return;
            ModuleInternals.RegisterComponents(module);
            if (ModuleInternals.Has(module, identity))
                count++;
            foreach (var (_, child) in module.named_children())
                Walk(ListProxies.Behind(child));
        }
    }

    /// <summary>
    /// The parametrized tensors under the names by which <see cref="parametrize.parametrization"/> finds them; each once.
    /// </summary>
    public static List<(string Name, ParametrizedTensor Tensor)> Tensors(nn.Module model) =>
        [.. AllNames(model).DistinctBy(entry => entry.Tensor, ReferenceEqualityComparer.Instance)];

    /// <summary>The same for methods that read or write parts: each tensor has taken pending assignments.</summary>
    public static List<(string Name, ParametrizedTensor Tensor)> CurrentTensors(nn.Module model)
    {
        var tensors = Tensors(model);
        tensors.ForEach(entry => entry.Tensor.Binding.SyncWithModules());
        return tensors;
    }

    /// <summary>The parametrized tensors under all their names: one that several modules share has several.</summary>
    public static List<(string Name, ParametrizedTensor Tensor)> AllNames(nn.Module model)
    {
        if (model is ParametrizedTensor alone)
            return [("", alone)];
        using var _ = Structure.EnterScope();
        return
        [
            .. from entry in Modules(model)
            from own in BoundTo(entry.Module).Concat(HeldBy(entry.Module))
            select (Join(entry.Name, own.Name), own.Tensor),
        ];
    }

    /// <summary>The parametrized tensors that the module holds in fields.</summary>
    public static IEnumerable<(string Name, ParametrizedTensor Tensor)> HeldBy(nn.Module module) =>
        module
            .named_children()
            .Where(child => child.module is ParametrizedTensor)
            .Select(child => (child.name, (ParametrizedTensor)child.module));

    /// <summary>All modules of a model that hold a module as a child.</summary>
    public static List<ParentModule> ParentsOf(nn.Module module, nn.Module model)
    {
        using var _ = Structure.EnterScope();
        return
        [
            .. from entry in Modules(model)
            from child in entry.Module.named_children()
            where ReferenceEquals(ListProxies.Behind(child.module), module)
            select new ParentModule(entry.Module, child.name, entry.Parent),
        ];
    }

    /// <summary>The parameters and buffers that the module itself has registered.</summary>
    public static IEnumerable<(string Name, Tensor Tensor)> TensorsOf(nn.Module module) =>
        module
            .named_parameters(recurse: false)
            .Select(own => (own.name, (Tensor)own.parameter))
            .Concat(module.named_buffers(recurse: false).Select(own => (own.name, own.buffer)));

    /// <summary>The modules that have each tensor, plain or parametrized, and its names there.</summary>
    public static IEnumerable<IGrouping<object, (string Module, string Name)>> Places(nn.Module model)
    {
        var plain =
            from entry in Modules(model, registering: true)
            from own in TensorsOf(entry.Module)
            where !own.Tensor.IsInvalid && TensorPath.Find(entry.Module, own.Name) is null
            select (Key: (object)NativeTensors.Identity(own.Tensor), entry.Name, Tensor: Join(entry.Name, own.Name));
        var parametrized =
            from entry in AllNames(model)
            select (
                Key: (object)entry.Tensor,
                entry.Name[..Math.Max(0, entry.Name.LastIndexOf('.'))],
                Tensor: entry.Name
            );
        return plain.Concat(parametrized).GroupBy(place => place.Key, place => (place.Item2, place.Tensor));
    }

    public static string Join(string name, string step) => name.Length == 0 ? step : $"{name}.{step}";

    /// <summary>
    /// The parametrized tensors that are bound to a module. Those of inner modules of a native module are in children of class
    /// NativeChild.
    /// </summary>
    private static IEnumerable<(string Name, ParametrizedTensor Tensor)> BoundTo(nn.Module module) =>
        (ParametrizationSet.Of(module)?.Named ?? []).Concat(
            module
                .named_children()
                .Where(child => child.module is NativeChild)
                .SelectMany(
                    child => BoundTo(child.module),
                    (child, bound) => (Join(child.name, bound.Name), bound.Tensor)
                )
        );
}

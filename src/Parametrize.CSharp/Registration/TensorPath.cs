using Parametrize.CSharp.Binding;
using Parametrize.CSharp.Joint;
using Parametrize.CSharp.Lists;
using Parametrize.CSharp.Threads;

namespace Parametrize.CSharp.Registration;

/// <summary>Where a tensor is: the module that owns it, and its name there.</summary>
/// <param name="Owner">The module.</param>
/// <param name="Name">The name.</param>
/// <param name="Parent">The enclosing modules by which the owner was found; null when the path begins at the owner.</param>
internal sealed record TensorPath(nn.Module Owner, string Name, ParentModule? Parent = null)
{
    private static readonly ConditionalWeakTable<nn.Module, TensorAccess> Locks = [];

    /// <summary>Equal for one tensor, by whichever name it was found.</summary>
    public (nn.Module Owner, string Name) Place => (Owner, Name);

    /// <summary>
    /// The module during whose `call` the tensor is needed: the owner, or the nearest enclosing module that has a `call`.
    /// </summary>
    public nn.Module? Caller => Hooks.CanBeAround(Owner) ? Owner : ParentModule.CallerOf(AllParents);

    /// <summary>
    /// The modules for whose passes the tensor is computed: the caller, and those between it and the module where the path begins.
    /// So each of them may run its children by `forward`.
    /// </summary>
    public IReadOnlyList<nn.Module> Callers
    {
        get
        {
            List<nn.Module> callers = Caller is { } caller ? [caller] : [];
            for (var parent = Parent; parent is not null; parent = parent.Above)
                if (Hooks.CanBeAround(parent.Module) && !callers.Contains(parent.Module))
                    callers.Add(parent.Module);
            return callers;
        }
    }

    /// <summary>All modules that hold the owner, in the model in which the path begins.</summary>
    public IReadOnlyList<ParentModule> AllParents => Parent is null ? [] : ModelTree.ParentsOf(Owner, Parent.Root);

    public ParametrizedTensor? Tensor => Find(Owner, Name);

    /// <summary>
    /// Whether the owner holds a ParametrizedTensor of this name in a field, and none is registered under the name.
    /// </summary>
    public bool IsHeld => ParametrizationSet.Of(Owner)?[Name] is null && HeldBy(Owner, Name) is not null;

    /// <summary>The paths of the members of a joint tensor; of a single tensor, its own path.</summary>
    public IReadOnlyList<TensorPath> Members
    {
        get
        {
            var path = this;
            return [.. JointName.Members(Owner, Name).Select(name => path with { Name = name })];
        }
    }

    /// <summary>
    /// The accesses that registering or removing needs exclusively: the module's registry, and the parametrized tensor. For a plain
    /// tensor: all parametrized tensors of the module, and one of each enclosing module, so that no pass is running while hooks are
    /// added.
    /// </summary>
    public IReadOnlyList<TensorAccess> Accesses
    {
        get
        {
            using var _ = ModelTree.Structure.EnterScope();
            if (Tensor is { } own)
                return [AccessTo(Owner), own.Binding.Access];
            return
            [
                AccessTo(Owner),
                .. ParametrizationSet.Of(Owner)?.Named.Select(entry => entry.Tensor.Binding.Access) ?? [],
                .. Callers.Select(PassHooks.AccessOf).OfType<TensorAccess>(),
            ];
        }
    }

    /// <summary>Throws when the tensor is only a member of a joint tensor.</summary>
    public void RequireWhole()
    {
        if (Tensor is { Binding.Layout: { IsJoint: true } } joint && !JointName.IsOfSeveral(Name))
            throw new InvalidOperationException(
                $"{this} is a member of the joint tensor {joint.Where}. Name the joint tensor, or remove it first and join the tensors again."
            );
    }

    /// <summary>Throws when there is no module with a `call` during which the tensor could be computed.</summary>
    public void RequireCaller()
    {
        if (Owner.GetType().Assembly == typeof(TensorPath).Assembly)
            throw new NotSupportedException(
                $"{this} is a part from which a parametrized tensor is computed. Register on the parametrized tensor."
            );
        if (Caller is null)
            throw new NotSupportedException(
                $"{Owner.Title()} has no `call` during which '{Name}' could be computed, and no module around it has one. "
                    + "Register on the module that computes with it, by the longer name (\"kernels.0\"); or hold a "
                    + "ParametrizedTensor and read its Value."
            );
    }

    /// <summary>Computes the parametrized tensor for the passes of these callers, too.</summary>
    public void AddCallers()
    {
        var (home, last) = NativeChild.GetOrAddHome(Owner, Name);
        if (ParametrizationSet.Of(home) is { } set && set.NameOf(last) is { } name)
            set[name]!.Binding.In(set, name).AddCallers(Callers);
    }

    public override string ToString() => $"{Owner.Title()}.{Name}";

    /// <summary>Follows a dotted name into the children; native modules have tensors whose names have dots.</summary>
    /// <param name="module">The module in which the name begins.</param>
    /// <param name="name">The dotted name, relative to the module.</param>
    /// <param name="parent">The module that holds it, if it is known.</param>
    public static TensorPath Resolve(nn.Module module, string name, ParentModule? parent = null)
    {
        using var _ = ModelTree.Structure.EnterScope();
        module = ListProxies.Behind(module);
        for (var rest = name; ; )
        {
            ParametrizationSet.RequireAlive(module);
            ModuleInternals.RegisterComponents(module);
            // A constructor may have assigned the field since.
            if (!HasTensors(module, rest) && (!rest.Contains('.') || ChildOf(module, FirstStep(rest).Step) is null))
                ModuleInternals.RegisterComponents(module, again: true);
            if (!rest.Contains('.') || HasTensors(module, rest))
                return new(module, rest, parent);
            var (step, tail) = FirstStep(rest);
            var child =
                ChildOf(module, step)
                ?? throw new ArgumentException(
                    $"{module.Title()} has no child '{step}' (in '{name}'). It has: {ChildrenOf(module)}."
                        + (
                            step.Contains('+')
                                ? " Tensors that are joined are named by one path: 'child.weight+bias'."
                                : ""
                        ),
                    nameof(name)
                );
            (parent, module, rest) = (new(module, step, parent), child, tail);
        }
    }

    /// <summary>Finds the module that owns a tensor, the placeholder of a parametrized one included.</summary>
    public static TensorPath Resolve(nn.Module module, Tensor? tensor)
    {
        if (tensor is not null)
            foreach (var owner in ModelTree.All(module))
                if (NameIn(owner, tensor) is { } name)
                    return new(owner, name, ParentOf(owner, module));
        throw new ArgumentException(
            tensor is null
                ? $"The lambda returns null, so it does not point at a tensor of {module.Title()}. A layer may have been built without it, as "
                    + "a Linear with `hasBias: false`."
                : $"The lambda does not point at a parameter or buffer of {module.Title()} or of a module inside it.",
            nameof(tensor)
        );
    }

    /// <summary>The parametrized tensor of that name, if there is one: registered, else held in a field.</summary>
    public static ParametrizedTensor? Find(nn.Module module, string name)
    {
        using var _ = ModelTree.Structure.EnterScope();
        ParametrizationSet.RequireAlive(module);
        if (!name.Contains('.'))
            return ParametrizationSet.Of(module)?[name] ?? HeldBy(module, name);
        var (step, tail) = FirstStep(name);
        return ChildOf(module, step) is { } child ? Find(child, tail) : null;
    }

    public static ArgumentException NotParametrized(nn.Module module, string name)
    {
        var present = ModelTree.Tensors(module).ConvertAll(entry => entry.Name);
        var list =
            present.Count == 0
                ? "nothing is: call register_parametrization first"
                : $"these are: {string.Join(", ", present)}";
        return new($"{module.Title()}.{name} is not parametrized. In {module.Title()} {list}.", nameof(name));
    }

    /// <summary>
    /// The ParametrizedTensor in the field of that name. The name is empty if the module is itself a ParametrizedTensor.
    /// </summary>
    private static ParametrizedTensor? HeldBy(nn.Module module, string name) =>
        module is ParametrizationSet ? null
        : name.Length == 0 ? module as ParametrizedTensor
        : ChildOf(module, name) as ParametrizedTensor;

    private static bool HasTensors(nn.Module module, string name) =>
        JointName.Members(module, name).All(member => ModuleInternals.HasTensor(module, member));

    private static (string Step, string Tail) FirstStep(string name) =>
        (name[..name.IndexOf('.')], name[(name.IndexOf('.') + 1)..]);

    /// <summary>Asks `named_children`, not the registry: Sequential does not register its children.</summary>
    private static nn.Module? ChildOf(nn.Module module, string name) =>
        module.named_children().FirstOrDefault(child => child.name == name).module is { } child
            ? ListProxies.Behind(child)
            : null;

    /// <summary>A native module lists the tensors of its inner modules under dotted names, and has no children.</summary>
    private static string ChildrenOf(nn.Module module) =>
        module
            .named_children()
            .Select(child => child.name)
            .Concat(ModelTree.TensorsOf(module).Select(own => own.Name).Where(name => name.Contains('.')))
            .ToList()
            is { Count: > 0 } names
            ? string.Join(", ", names)
            : "nothing";

    private static ParentModule? ParentOf(nn.Module owner, nn.Module model) =>
        ModelTree.Modules(model).FirstOrDefault(entry => ReferenceEquals(entry.Module, owner)).Parent;

    private static string? NameOfParametrized(nn.Module owner, Tensor tensor)
    {
        using var _ = ModelTree.Structure.EnterScope();
        return ParametrizationSet.Of(owner) is { } set
            ? set
                .Named.Select(bound => bound.Tensor.Binding.NameOf(set, bound.Name, tensor))
                .FirstOrDefault(name => name is not null)
            : null;
    }

    private static string? NameIn(nn.Module owner, Tensor tensor)
    {
        if (NameOfParametrized(owner, tensor) is { } parametrized)
            return parametrized;
        // The properties of native modules give a new managed object each time. A parametrized tensor may wait for the passes
        // of others before it tells.
        return owner.named_parameters(false).FirstOrDefault(p => NativeTensors.IsSameTensor(p.parameter, tensor)).name
            ?? owner.named_buffers(false).FirstOrDefault(b => NativeTensors.IsSameTensor(b.buffer, tensor)).name;
    }

    /// <summary>The lock for registering on a module and removing from it.</summary>
    private static TensorAccess AccessTo(nn.Module module) => Locks.GetValue(module, owner => new(() => owner.Title()));
}

using Parametrize.CSharp.Binding;
using Parametrize.CSharp.Joint;
using Parametrize.CSharp.Lists;

namespace Parametrize.CSharp.Registration;

/// <summary>
/// A plain tensor of a module, or several that are joined into one, before a parametrized tensor takes its place.
/// </summary>
internal sealed class PlainTensor : IDisposable
{
    private readonly TensorPath _path;
    private readonly List<(Slot Slot, Tensor Tensor)> _found;

    /// <summary>
    /// Finds the tensor. Throws when no parametrized tensor can take its place. The module's tensors do not change, but its fields
    /// may get registered.
    /// </summary>
    public PlainTensor(TensorPath path, int dimension)
    {
        ModuleInternals.Check();
        path.RequireCaller();
        ParametrizationSet.RequireRoom(path.Owner);
        _path = path;
        var members = path.Members;
        if (members.Count > 1)
            RequireFree(members);
        _found = [.. members.Select(Find)];
        foreach (var (member, found) in members.Zip(_found))
            RequireFirstName(member, found.Tensor);
        if (_found.DistinctBy(entry => entry.Slot.IsBuffer).Count() > 1)
            throw new ArgumentException(
                $"{path} joins a parameter and a buffer, but a buffer is not trained. Join parameters only, or buffers only."
            );

        Layout = JointLayout.Of([.. members.Select(member => member.Name)], Tensors, dimension);
        using var _ = no_grad();
        Value = Layout.Join(Tensors);
        if (Layout.IsJoint)
            Value.DetachFromDisposeScope();
    }

    /// <summary>The slot in which the module has the tensor, and the tensor.</summary>
    public static (Slot Slot, Tensor Tensor) Find(TensorPath path)
    {
        using var _ = ModelTree.Structure.EnterScope();
        return SlotFinder.Find(path.Owner, path.Name) ?? throw NotATensor(path.Owner, path.Name);
    }

    /// <summary>The module's tensor itself, or a new one made up of several.</summary>
    public static Tensor Read(TensorPath path)
    {
        using var plain = new PlainTensor(path, dimension: 1);
        return plain.Layout.IsJoint ? plain.Value.alias() : plain.Value;
    }

    public JointLayout Layout { get; }

    /// <summary>The module's tensor itself, or a new one made up of several.</summary>
    public Tensor Value { get; }

    public bool IsBuffer => _found[0].Slot.IsBuffer;

    public bool IsTrained => _found[0].Slot.IsTrained(_found[0].Tensor);

    public List<Tensor> Tensors => _found.ConvertAll(entry => entry.Tensor);

    /// <summary>Lets the module compute with a parametrized tensor.</summary>
    public void Bind(ParametrizedTensor tensor)
    {
        var (home, name) = NativeChild.GetOrAddHome(_path.Owner, _path.Name);
        var set = ParametrizationSet.GetOrAdd(home);
        ModuleInternals.AddChild(set, name, tensor);
        new ModuleBinding(
            tensor,
            _found.Select(entry => entry.Slot),
            Layout,
            (set, name),
            owner => ParametrizationSet.Of(owner)?.Dispose()
        ).Attach(_path.Callers, Tensors);
        if (home is ParameterList or ParameterDict)
            ListProxies.Show(home, _path.AllParents);
    }

    public void Dispose()
    {
        if (Layout.IsJoint)
            Value.Dispose();
    }

    /// <summary>
    /// A module may list one tensor under several names. Its state uses the first. Removing would add the tensor to the state under
    /// the name that was given, so only the first is accepted.
    /// </summary>
    private static void RequireFirstName(TensorPath path, Tensor tensor)
    {
        using var _ = ModelTree.Structure.EnterScope();
        // TorchSharp registers the field behind an automatic property, too.
        var names = ModelTree.TensorsOf(path.Owner).Where(entry => !entry.Name.StartsWith('<'));
        if (
            names.FirstOrDefault(entry => ReferenceEquals(entry.Tensor, tensor)).Name is { } first
            && first != path.Name
        )
            throw new ArgumentException(
                $"{path} is the same tensor as '{first}', which is its name in the state. Use '{first}'."
            );
    }

    private static void RequireFree(IReadOnlyList<TensorPath> members)
    {
        foreach (var member in members)
        {
            if (member.Tensor is not null)
                throw new InvalidOperationException($"{member} is parametrized already. Remove that first.");
            if (members.Count(other => other == member) > 1)
                throw new ArgumentException($"{member} is named twice. Name each member of a joint tensor once.");
        }
    }

    private static ArgumentException NotATensor(nn.Module owner, string name)
    {
        string[] own =
        [
            .. Names(owner, recurse: false),
            .. ParametrizationSet.Of(owner)?.Named.Select(entry => entry.Name) ?? [],
        ];
        var present =
            own.Length > 0 ? $"It has: {string.Join(", ", own)}."
            : Inside(owner) is { Length: > 0 } inside
                ? $"Inside it are: {string.Join(", ", inside.Take(12))}{(inside.Length > 12 ? ", ..." : "")}."
            : "It has none.";
        return new($"{owner.Title()} has no tensor '{name}' of its own. {present}", nameof(name));
    }

    /// <summary>By the names that registering takes, which are not those of the state for what is parametrized.</summary>
    private static string[] Inside(nn.Module owner) =>
        [
            .. Names(owner, recurse: true).Where(name => !name.Contains("parametrizations.")),
            .. ModelTree.Tensors(owner).Select(entry => entry.Name),
        ];

    private static string[] Names(nn.Module owner, bool recurse) =>
        [.. owner.named_parameters(recurse).Select(p => p.name), .. owner.named_buffers(recurse).Select(b => b.name)];
}

using Parametrize.CSharp.Binding;
using TorchSharp;
using static TorchSharp.torch;

namespace Parametrize.CSharp;

/// <summary>A tensor of a module, or several that make up one, before a parametrized one takes its place.</summary>
internal sealed class PlainTensor : IDisposable
{
    private readonly TensorPath _path;
    private readonly List<(Slot Slot, Tensor Tensor)> _places;

    /// <summary>Finds it, and changes nothing. Throws when no parametrized tensor can take its place.</summary>
    public PlainTensor(TensorPath path, int dimension)
    {
        ModuleInternals.Check();
        path.RequireCaller();
        ParametrizationSet.RequireRoom(path.Owner);
        _path = path;
        var parts = path.Parts;
        if (parts.Count > 1)
            RequireFree(parts);
        _places = [.. parts.Select(part => SlotFinder.Find(part.Owner, part.Name))];
        if (_places.DistinctBy(place => place.Slot.IsBuffer).Count() > 1)
            throw new ArgumentException($"{path} joins a parameter and a buffer, which are not trained alike.");

        Layout = JointLayout.Of([.. parts.Select(part => part.Name)], Tensors, dimension);
        using var _ = no_grad();
        Value = Layout.Join(Tensors);
        if (Layout.IsJoint)
            Value.DetachFromDisposeScope();
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

    public bool IsBuffer => _places[0].Slot.IsBuffer;

    public bool IsTrained => _places[0].Tensor.requires_grad;

    private List<Tensor> Tensors => _places.ConvertAll(place => place.Tensor);

    /// <summary>Lets the module compute with a parametrized tensor.</summary>
    public void Bind(ParametrizedTensor tensor)
    {
        var (home, name) = NativeChild.HomeOf(_path.Owner, _path.Name);
        var set = ParametrizationSet.GetOrAdd(home);
        set.register_module(name, tensor);
        new ModuleBinding(tensor, _places.Select(place => place.Slot), Layout, (set, name)).Attach(
            _path.Caller!,
            Tensors
        );
        Face.PutOn(home, _path);
    }

    public void Dispose()
    {
        if (Layout.IsJoint)
            Value.Dispose();
    }

    private static void RequireFree(IReadOnlyList<TensorPath> parts)
    {
        foreach (var part in parts)
        {
            if (part.Tensor is not null)
                throw new InvalidOperationException($"{part} is parametrized already. Remove that first.");
            if (parts.Count(one => one == part) > 1)
                throw new ArgumentException($"{part} is there twice.");
        }
    }
}

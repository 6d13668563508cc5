using Parametrize.CSharp.Joint;
using Parametrize.CSharp.Registration;

namespace Parametrize.CSharp.State;

/// <summary>
/// A tensor of a model, by its plain key (`fc.weight`): a plain tensor, or one that is computed from the tensors whose keys begin
/// with `Prefix` (`fc.parametrizations.weight.`). A joint tensor has the plain keys of its members.
/// </summary>
internal sealed record StateTarget(string Key, Tensor? Own, ParametrizedTensor? Parametrized, string Prefix)
{
    /// <summary>The layout of a joint tensor; null for a single tensor.</summary>
    public JointLayout? Layout { get; private init; }

    /// <summary>Its key in the state of a model without parametrizations, or those of its members.</summary>
    public IReadOnlyList<string> PlainKeys => PlainKeysOf(Key, Layout);

    /// <summary>The tensors of a model without parametrizations, under their plain keys. They are new tensors.</summary>
    public IEnumerable<(string Key, Tensor Value)> Baked() =>
        Divided(Key, (Own?.clone() ?? Parametrized!.Detached()).InOrder(), Layout);

    /// <summary>The keys of a tensor in the state of a model without parametrizations.</summary>
    public static IReadOnlyList<string> PlainKeysOf(string key, JointLayout? layout) =>
        layout is null ? [key] : JointName.Keys(key);

    /// <summary>A value under its plain keys. One that is divided among members is disposed.</summary>
    public static IEnumerable<(string Key, Tensor Value)> Divided(string key, Tensor value, JointLayout? layout)
    {
        if (layout is null)
            return [(key, value)];
        return PlainKeysOf(key, layout).Zip(layout.Divide(value), Apart);

        static (string, Tensor) Apart(string key, Tensor view)
        {
            using var _ = view;
            return (key, view.clone());
        }
    }

    /// <summary>The tensors of a model, after pending assignments were taken in, as by a call: for copies that leave the model.</summary>
    /// <exception cref="ParametrizationException">An assigned tensor is not allowed.</exception>
    public static List<StateTarget> Current(nn.Module model)
    {
        ModelTree.CurrentTensors(model);
        return Of(model);
    }

    /// <summary>The tensors of a model; those of tied modules once for each name.</summary>
    public static List<StateTarget> Of(nn.Module model)
    {
        var found = model is ParametrizedTensor alone ? [new("", null, alone, "")] : Walk(model, "").ToList();
        // A module may add tensors to its state that are in none of its registries.
        var known = found.SelectMany(target => target.PlainKeys).ToHashSet();
        var prefixes = found.Where(target => target.Own is null).Select(target => target.Prefix).ToHashSet();
        foreach (var (key, tensor) in model.state_dict())
            if (known.Add(key) && !Beginnings(key).Any(prefixes.Contains))
                found.Add(new(key, tensor, null, ""));
        return found;
    }

    /// <summary>The state of a model, with shared tensors under all their names. TorchSharp's Sequential lists one of them.</summary>
    public static Dictionary<string, Tensor> StateOf(nn.Module model, IEnumerable<StateTarget> targets)
    {
        var state = model.state_dict();
        foreach (var target in targets)
        foreach (var (key, tensor) in target.Entries())
            state.TryAdd(key, tensor);
        return state;
    }

    /// <summary>Its entries in the state: itself, or its pieces.</summary>
    private IEnumerable<(string Key, Tensor Tensor)> Entries() =>
        Own is not null ? [(Key, Own)] : Pieces().Select(piece => (Prefix + piece.Key, piece.Value));

    /// <summary>The pieces of a parametrized tensor, by the end of their keys.</summary>
    public Dictionary<string, Tensor> Pieces() =>
        Parametrized!
            .named_parameters()
            .Select(own => (own.name, (Tensor)own.parameter))
            .Concat(Parametrized.named_buffers())
            .ToDictionary();

    /// <summary>All beginnings of a key that may be a prefix: the empty text, and each that ends with a dot.</summary>
    private static IEnumerable<string> Beginnings(string key) =>
        key.Index().Where(character => character.Item == '.').Select(dot => key[..(dot.Index + 1)]).Prepend("");

    private static IEnumerable<StateTarget> Walk(nn.Module module, string prefix)
    {
        var set = ParametrizationSet.Of(module);
        foreach (var (name, tensor) in OwnTensors(module))
            // A cached value may stand in the registry of a module without fields.
            if (set?[name] is null)
                yield return new(prefix + name, tensor, null, "");

        foreach (var (name, child) in module.named_children())
            if (ReferenceEquals(child, set))
                foreach (var (bound, tensor) in set.Named)
                    yield return new(prefix + bound, null, tensor, $"{prefix}{name}.{bound}.")
                    {
                        Layout = tensor.Binding.In(set, bound).Layout is { IsJoint: true } joint ? joint : null,
                    };
            else if (child is ParametrizedTensor held)
                yield return new(prefix + name, null, held, $"{prefix}{name}.");
            else
                foreach (var target in Walk(child, $"{prefix}{name}."))
                    yield return target;
    }

    private static IEnumerable<(string Name, Tensor Tensor)> OwnTensors(nn.Module module) =>
        module
            .named_parameters(recurse: false)
            .Select(p => (p.name, (Tensor)p.parameter))
            .Concat(module.named_buffers(recurse: false, include_nonpersistent: false).Select(b => (b.name, b.buffer)));
}

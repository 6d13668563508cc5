namespace Parametrize.CSharp.Registration;

/// <summary>Parameters and buffers that several modules of some models have in common (`decoder.weight = encoder.weight`).</summary>
internal sealed class TiedParameters(params IEnumerable<nn.Module> models)
{
    private readonly ILookup<(IntPtr, bool IsParameter), TensorPath> _paths = Find(models);

    /// <summary>The tensors that are prepared already: one tensor may be named several times.</summary>
    private readonly HashSet<(nn.Module Owner, string Name)> _plain = [];
    private readonly HashSet<ParametrizedTensor> _parametrized = [];

    /// <summary>Registers on a tensor of a model and on all tensors that are tied to it: on all or on none.</summary>
    public static void Register(
        nn.Module model,
        TensorPath path,
        Parametrization value,
        WhenNotAllowed whenNotAllowed,
        int? dimension = null
    ) => Prepared.CommitAll([path], () => [Of(model, path).Prepare(path, value, whenNotAllowed, dimension)]);

    /// <summary>Lets a module share a parametrized tensor, unless the model ties another tensor to the plain one.</summary>
    public static void Share(nn.Module model, TensorPath path, ParametrizedTensor shared)
    {
        // A parameter of the shared tensor keeps its numbers. Any other tensor is emptied, also for the modules that are tied to
        // it.
        var isPart = Plain(path) is { } own && shared.Inputs.Any(input => NativeTensors.IsSameTensor(input, own));
        if (!isPart && Of(model, path).Of(path) is [var other, ..])
            throw new InvalidOperationException(
                $"{path} is tied to {other}, which would be left with an empty tensor. Untie them first."
            );
        Registrar.Share(path, shared);
    }

    /// <summary>
    /// Prepares registering on a tensor and on all tensors that are tied to it; prepares nothing when that was done already.
    /// </summary>
    public IPrepared Prepare(
        TensorPath path,
        Parametrization value,
        WhenNotAllowed whenNotAllowed,
        int? dimension = null
    )
    {
        if (!IsNew(path))
            return Prepared.All([]);
        var others = Of(path).Where(IsNew).ToList();
        return Prepared.All(Changes());

        IEnumerable<IPrepared> Changes()
        {
            yield return Registrar.Prepare(path, value, whenNotAllowed, dimension);
            foreach (var other in others)
                yield return new PreparedSharing(other, () => path.Tensor!, dimension ?? 1);
        }
    }

    /// <summary>The ties of a model, for one of its tensors; empty when no other module has the tensor.</summary>
    private static TiedParameters Of(nn.Module model, TensorPath path) =>
        path.Members.Any(member => Plain(member) is { IsInvalid: false } own && ModelTree.IsShared(model, own))
            ? new(model)
            : new();

    private static ILookup<(IntPtr, bool IsParameter), TensorPath> Find(IEnumerable<nn.Module> models)
    {
        using var _ = ModelTree.Structure.EnterScope();
        return (
            from model in models
            from entry in ModelTree.Modules(model, registering: true)
            where entry.Module is not NativeChild
            from own in ModelTree.TensorsOf(entry.Module)
            where !own.Tensor.IsInvalid
            select (Path: new TensorPath(entry.Module, own.Name, entry.Parent), own.Tensor)
        ).ToLookup(own => KindOf(own.Tensor), own => own.Path);
    }

    private bool IsNew(TensorPath path) =>
        path.Tensor is { } present ? _parametrized.Add(present) : _plain.Add(path.Place);

    /// <summary>The other paths of a tensor in the model; none when it is parametrized already.</summary>
    private List<TensorPath> Of(TensorPath path)
    {
        if (path.Tensor is not null)
            return [];
        var members = path.Members;
        if (members.Count == 1)
            return Elsewhere(path);
        foreach (var member in members)
            if (Elsewhere(member) is [var other, ..])
                throw new InvalidOperationException(
                    $"{member} is tied to {other}, which cannot follow a joint tensor. Untie them first."
                );
        return [];
    }

    private List<TensorPath> Elsewhere(TensorPath path) =>
        Plain(path) is { } tied
            ? [.. _paths[KindOf(tied)].Where(place => place.Owner != path.Owner).DistinctBy(place => place.Owner)]
            : [];

    private static Tensor? Plain(TensorPath path)
    {
        using var _ = ModelTree.Structure.EnterScope();
        return ModuleInternals.TensorOf(path.Owner, path.Name);
    }

    private static (IntPtr, bool IsParameter) KindOf(Tensor tensor) =>
        (NativeTensors.Identity(tensor), tensor is Parameter);
}

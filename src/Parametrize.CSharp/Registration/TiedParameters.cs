using Parametrize.CSharp.Torch;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Parametrize.CSharp.Registration;

/// <summary>Parameters and buffers that several modules of some models have in common (`decoder.weight = encoder.weight`).</summary>
internal sealed class TiedParameters(params IEnumerable<nn.Module> models)
{
    private readonly ILookup<(IntPtr, bool IsParameter), TensorPath> _paths = Find(models);

    /// <summary>What is prepared already: one tensor may be named several times.</summary>
    private readonly HashSet<(nn.Module Owner, string Name)> _plain = [];
    private readonly HashSet<ParametrizedTensor> _parametrized = [];

    /// <summary>Registers on a tensor of a model and on what the model ties to it: all or none.</summary>
    public static void Register(
        nn.Module model,
        TensorPath path,
        Parametrization value,
        WhenNotAllowed whenNotAllowed,
        int? dimension = null
    ) => Prepared.CommitAll([path], () => [Of(model, path).Prepare(path, value, whenNotAllowed, dimension)]);

    /// <summary>Lets a tensor of a model be a parametrized one, unless the model ties another to it.</summary>
    public static void Share(nn.Module model, TensorPath path, ParametrizedTensor shared)
    {
        // What the shared tensor is computed from stays; another is emptied, for all who have it.
        var isPart = Plain(path) is { } own && shared.Inputs.Any(input => NativeTensors.AreOne(input, own));
        if (!isPart && Of(model, path).Of(path) is [var other, ..])
            throw new InvalidOperationException(
                $"{path} is tied to {other}, which would be left with an empty tensor. Untie them first."
            );
        Registrar.Share(path, shared);
    }

    /// <summary>Registering on a tensor and on what is tied to it; nothing when that is prepared already.</summary>
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

    /// <summary>The ties of a model, for one tensor of it: one that is nowhere else has none.</summary>
    private static TiedParameters Of(nn.Module model, TensorPath path) =>
        path.Members.Any(member => Plain(member) is { IsInvalid: false } own && ModelTree.IsShared(model, own))
            ? new(model)
            : new();

    private static ILookup<(IntPtr, bool IsParameter), TensorPath> Find(IEnumerable<nn.Module> models)
    {
        using var _ = ModuleAccess.Structure.EnterScope();
        return (
            from model in models
            from one in ModelTree.Modules(model, registering: true)
            where one.Module is not NativeChild
            from own in ModelTree.TensorsOf(one.Module)
            where !own.Tensor.IsInvalid
            select (Path: new TensorPath(one.Module, own.Name, one.Parent), own.Tensor)
        ).ToLookup(own => KindOf(own.Tensor), own => own.Path);
    }

    private bool IsNew(TensorPath path) =>
        path.Tensor is { } present ? _parametrized.Add(present) : _plain.Add(path.Place);

    /// <summary>Where else in the model a parameter is; nowhere when it is parametrized already.</summary>
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
                    $"{member} is tied to {other}, which would not know of the joint tensor. Untie them first."
                );
        return [];
    }

    private List<TensorPath> Elsewhere(TensorPath path) =>
        Plain(path) is { } tied
            ? [.. _paths[KindOf(tied)].Where(place => place.Owner != path.Owner).DistinctBy(place => place.Owner)]
            : [];

    private static Tensor? Plain(TensorPath path)
    {
        using var _ = ModuleAccess.Structure.EnterScope();
        return ModuleInternals.TensorOf(path.Owner, path.Name);
    }

    private static (IntPtr, bool IsParameter) KindOf(Tensor tensor) =>
        (NativeTensors.Identity(tensor), tensor is Parameter);
}

using Parametrize.CSharp.Torch;
using static TorchSharp.torch;

namespace Parametrize.CSharp.Registration;

/// <summary>Parameters that several modules of a model have in common (`decoder.weight = encoder.weight`).</summary>
internal sealed class TiedParameters(nn.Module model)
{
    private readonly ILookup<IntPtr, TensorPath> _paths = (
        from one in ModelTree.Modules(model, registering: true)
        where one.Module is not NativeChild
        from own in one.Module.named_parameters(recurse: false)
        where !own.parameter.IsInvalid
        select (Path: new TensorPath(one.Module, own.name, one.Parent), own.parameter)
    ).ToLookup(own => NativeTensors.Identity(own.parameter), own => own.Path);

    /// <summary>Registers on a tensor of a model and on what the model ties to it: all or none.</summary>
    public static void Register(
        nn.Module model,
        TensorPath path,
        Parametrization value,
        WhenNotAllowed whenNotAllowed,
        int? dimension = null
    )
    {
        var ties = new TiedParameters(model);
        // It changes the module after everything that can fail.
        if (path.Tensor is null && ties.Of(path).Count == 0)
            Registrar.Register(path, value, whenNotAllowed, dimension);
        else
            Undo.OnFailure(undo => ties.Register(undo, path, value, whenNotAllowed, dimension));
    }

    /// <summary>Lets a tensor of a model be a parametrized one, unless the model ties another to it.</summary>
    public static void Share(nn.Module model, TensorPath path, ParametrizedTensor shared)
    {
        // What the shared tensor is computed from stays; another is emptied, for all who have it.
        var isPart =
            ModuleInternals.ParameterOf(path.Owner, path.Name) is { } own
            && shared.Inputs.Any(input => NativeTensors.AreOne(input, own));
        if (!isPart && new TiedParameters(model).Of(path) is [var other, ..])
            throw new InvalidOperationException(
                $"{path} is tied to {other}, which would be left with an empty tensor. Untie them first."
            );
        Registrar.Share(path, shared);
    }

    /// <summary>The same as a part of more that is undone together.</summary>
    public void Register(
        Undo undo,
        TensorPath path,
        Parametrization value,
        WhenNotAllowed whenNotAllowed,
        int? dimension = null
    )
    {
        var others = Of(path);
        undo.Remember(path);
        Registrar.Register(path, value, whenNotAllowed, dimension);
        foreach (var other in others)
        {
            undo.Remember(other);
            Registrar.Share(other, path.Tensor!);
        }
    }

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
        ModuleInternals.ParameterOf(path.Owner, path.Name) is { } tied
            ? [.. _paths[NativeTensors.Identity(tied)].Where(place => place.Owner != path.Owner)]
            : [];
}

using System.Runtime.CompilerServices;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Parametrize.CSharp.Binding;

/// <summary>Putting faces on lists of parameters, and what the faces have in common.</summary>
internal static class Face
{
    /// <summary>A list has one for life, so that who has got hold of it can keep it.</summary>
    private static readonly ConditionalWeakTable<nn.Module, IFace> Known = [];

    /// <summary>The module that the user made.</summary>
    public static nn.Module Behind(nn.Module module) => module is IFace face ? face.Real : module;

    /// <summary>Lets a module be seen by its face, if it is one that needs it.</summary>
    public static void PutOn(nn.Module module, Enclosing enclosing)
    {
        if (module is not (ParameterList or ParameterDict))
            return;
        var face = Known.GetValue(
            module,
            real => real is ParameterList list ? new ListFace(list) : new DictionaryFace((ParameterDict)real)
        );
        if (face.Around is not null)
            return;
        face.Around = enclosing;
        Exchange(enclosing, module, (nn.Module)face);
    }

    /// <summary>Lets the module itself be seen again.</summary>
    public static void TakeOff(nn.Module module)
    {
        if (!Known.TryGetValue(module, out var face) || face.Around is not { } enclosing)
            return;
        face.Around = null;
        Exchange(enclosing, (nn.Module)face, module);
    }

    /// <summary>Puts one in the place of the other: in the registry of what holds it, and in its fields.</summary>
    private static void Exchange(Enclosing enclosing, nn.Module present, nn.Module next)
    {
        (ModuleInternals.DeviceType(next), ModuleInternals.DeviceIndex(next)) = (
            ModuleInternals.DeviceType(present),
            ModuleInternals.DeviceIndex(present)
        );
        var children = ModuleInternals.Children(enclosing.Module);
        if (children.TryGetValue(enclosing.Child, out var child) && ReferenceEquals(child, present))
            children[enclosing.Child] = next;
        foreach (var place in FieldPlace.Of(enclosing.Module, present))
            if (place.Type.IsInstanceOfType(next))
                place.Set?.Invoke(enclosing.Module, next);
    }

    /// <summary>Lets two modules have the same registries.</summary>
    public static void Share(nn.Module from, nn.Module to)
    {
        ModuleInternals.Parameters(to) = ModuleInternals.Parameters(from);
        ModuleInternals.Buffers(to) = ModuleInternals.Buffers(from);
        ModuleInternals.Children(to) = ModuleInternals.Children(from);
    }

    /// <summary>The parameters among what is in a list, and those of its children.</summary>
    public static IEnumerable<(string name, Parameter parameter)> Parameters(
        nn.Module face,
        IEnumerable<(string name, Parameter parameter)> contents,
        bool recurse
    ) =>
        contents
            .Where(own => own.parameter is not StandIn)
            .Concat(
                from child in recurse ? face.named_children() : []
                from inside in child.module.named_parameters()
                select ($"{child.name}.{inside.name}", inside.parameter)
            );
}

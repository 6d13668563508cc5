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

    /// <summary>Lets a module be seen by its face wherever the path tells that it is, if it is one that needs it.</summary>
    public static void PutOn(nn.Module module, TensorPath path)
    {
        if (module is not (ParameterList or ParameterDict))
            return;
        var face = Known.GetValue(
            module,
            real => real is ParameterList list ? new ListFace(list) : new DictionaryFace((ParameterDict)real)
        );
        if (face.SeenIn.Count == 0)
            Locate((nn.Module)face, module);
        foreach (var place in path.AllEnclosing)
            if (!face.SeenIn.Any(one => ReferenceEquals(one.Module, place.Module) && one.Child == place.Child))
            {
                Exchange(place, module, (nn.Module)face);
                face.SeenIn.Add(place);
            }
    }

    /// <summary>Lets the module itself be seen again.</summary>
    public static void TakeOff(nn.Module module)
    {
        if (!Known.TryGetValue(module, out var face))
            return;
        Locate(module, (nn.Module)face);
        face.SeenIn.ForEach(place => Exchange(place, (nn.Module)face, module));
        face.SeenIn.Clear();
    }

    /// <summary>Lets a module know where it is: on the device of the other.</summary>
    private static void Locate(nn.Module module, nn.Module other) =>
        (ModuleInternals.DeviceType(module), ModuleInternals.DeviceIndex(module)) = (
            ModuleInternals.DeviceType(other),
            ModuleInternals.DeviceIndex(other)
        );

    /// <summary>Puts one in the place of the other: in the registry of what holds it, and in its fields.</summary>
    private static void Exchange(Enclosing enclosing, nn.Module present, nn.Module next)
    {
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

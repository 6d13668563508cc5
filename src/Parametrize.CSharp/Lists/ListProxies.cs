using Parametrize.CSharp.Binding;
using TorchSharp;

namespace Parametrize.CSharp.Lists;

/// <summary>Shows and hides proxies of lists of parameters, and holds the code that the proxies share.</summary>
internal static class ListProxies
{
    /// <summary>A list keeps the same proxy for its lifetime, so references to it stay valid.</summary>
    private static readonly ConditionalWeakTable<nn.Module, IListProxy> Known = [];

    /// <summary>The module that the user made.</summary>
    public static nn.Module Behind(nn.Module module) => module is IListProxy proxy ? proxy.Real : module;

    /// <summary>For a list: shows its proxy in its place, in every module that holds the list.</summary>
    public static void Show(nn.Module module, IEnumerable<ParentModule> parents)
    {
        if (module is not (ParameterList or ParameterDict))
            return;
        var proxy = Known.GetValue(
            module,
            real =>
                real is ParameterList list ? new ParameterListProxy(list) : new ParameterDictProxy((ParameterDict)real)
        );
        if (proxy.SeenIn.Count == 0)
            Locate((nn.Module)proxy, module);
        foreach (var place in parents)
            if (!proxy.SeenIn.Any(seen => ReferenceEquals(seen.Module, place.Module) && seen.Child == place.Child))
            {
                Exchange(place, module, (nn.Module)proxy);
                proxy.SeenIn.Add(place);
            }
    }

    /// <summary>Shows the module itself again.</summary>
    public static void Hide(nn.Module module)
    {
        if (!Known.TryGetValue(module, out var proxy))
            return;
        Locate(module, (nn.Module)proxy);
        proxy.SeenIn.ForEach(place => Exchange(place, (nn.Module)proxy, module));
        proxy.SeenIn.Clear();
    }

    /// <summary>Sets the device of a module to that of the other.</summary>
    private static void Locate(nn.Module module, nn.Module other) =>
        (ModuleInternals.DeviceType(module), ModuleInternals.DeviceIndex(module)) = (
            ModuleInternals.DeviceType(other),
            ModuleInternals.DeviceIndex(other)
        );

    /// <summary>Replaces one child by the other, in the registry and the fields of the module that holds it.</summary>
    private static void Exchange(ParentModule enclosing, nn.Module present, nn.Module next)
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

    /// <summary>Moves the children, which a list does not do.</summary>
    public static void MoveChildren(nn.Module proxy, ScalarType? dtype, Device? device, bool nonBlocking)
    {
        foreach (var (_, child) in proxy.named_children())
            if (device is null)
                child.to(dtype!.Value, nonBlocking);
            else if (dtype is null)
                child.to(device, nonBlocking);
            else
                child.to(device, dtype.Value, nonBlocking);
    }

    /// <summary>The parameters of a list, without placeholders, and those of its children.</summary>
    public static IEnumerable<(string name, Parameter parameter)> Parameters(
        nn.Module proxy,
        IEnumerable<(string name, Parameter parameter)> contents,
        bool recurse
    ) =>
        contents
            .Where(own => own.parameter is not InjectedParameter)
            .Concat(
                from child in recurse ? proxy.named_children() : []
                from inside in child.module.named_parameters()
                select ($"{child.name}.{inside.name}", inside.parameter)
            );
}

/// <summary>
/// A proxy that a module lists as a child, in place of a ParameterList or ParameterDict that has parametrized tensors. Such a list
/// would name placeholders as its parameters, and none of the parameters in its children. The proxy has the same contents and
/// children, and names the right parameters.
/// </summary>
internal interface IListProxy
{
    /// <summary>The user's list.</summary>
    nn.Module Real { get; }

    /// <summary>The modules that show the proxy; empty while they show the list itself.</summary>
    List<ParentModule> SeenIn { get; }
}

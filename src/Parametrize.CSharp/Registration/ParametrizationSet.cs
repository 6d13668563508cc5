using Parametrize.CSharp.Joint;
using Parametrize.CSharp.Lists;
using TorchSharp;

namespace Parametrize.CSharp.Registration;

/// <summary>The parametrized tensors of a module, as its child `parametrizations`.</summary>
internal sealed class ParametrizationSet : nn.Module
{
    public const string ChildName = "parametrizations";

    private ParametrizationSet()
        : base(nameof(ParametrizationSet)) { }

    public IEnumerable<(string Name, ParametrizedTensor Tensor)> Named =>
        named_children().Select(child => (child.name, (ParametrizedTensor)child.module));

    /// <summary>The tensor of that name, or the joint tensor of which it is a member.</summary>
    public ParametrizedTensor? this[string name] =>
        NameOf(name) is { } own ? (ParametrizedTensor)ModuleInternals.Children(this)[own] : null;

    public static ParametrizationSet? Of(nn.Module module) =>
        ModuleInternals.Children(module).TryGetValue(ChildName, out var child) ? child as ParametrizationSet : null;

    /// <summary>Throws when the module was disposed.</summary>
    public static void RequireAlive(nn.Module module)
    {
        // The message has the class, not the name: the name of a disposed module cannot be read.
        if (ModuleInternals.IsDisposed(module) || Of(module) is { } set && ModuleInternals.IsDisposed(set))
            throw new ObjectDisposedException(
                module.GetType().FullName,
                "This module was disposed, and its tensors with it. Use a module that was not."
            );
    }

    /// <summary>The name under which the set has the tensor, or the joint tensor of which it is a member.</summary>
    public string? NameOf(string name)
    {
        var children = ModuleInternals.Children(this);
        return children.ContainsKey(name)
            ? name
            : children.Keys.FirstOrDefault(joint => JointName.Members(joint).Contains(name));
    }

    /// <summary>Throws when the module has a child of its own under the name that the set needs.</summary>
    public static void RequireRoom(nn.Module module)
    {
        if (ModuleInternals.Children(module).ContainsKey(ChildName) && Of(module) is null)
            throw new InvalidOperationException(
                $"{module.Title()} has a child named '{ChildName}' of its own, where its parametrized tensors belong."
            );
    }

    public static ParametrizationSet GetOrAdd(nn.Module module)
    {
        if (Of(module) is { } present)
            return present;
        var set = new ParametrizationSet();
        set.train(module.training);
        ModuleInternals.AddChild(module, ChildName, set);
        return set;
    }

    /// <summary>Takes one tensor out, and the set itself from the module when it was the last.</summary>
    public void Remove(string name, nn.Module module)
    {
        ModuleInternals.Children(this).Remove(name);
        if (ModuleInternals.Children(this).Count > 0)
            return;
        ModuleInternals.Children(module).Remove(ChildName);
        ListProxies.Hide(module);
        Dispose();
    }

    /// <summary>
    /// Always moves the children: the set has no tensors of its own that would tell its device, and the children may be on other
    /// devices.
    /// </summary>
    protected override nn.Module _to(DeviceType deviceType, int deviceIndex, bool non_blocking)
    {
        _toEpilog(deviceType, deviceIndex, non_blocking);
        return this;
    }

    /// <summary>Does not dispose tensors that others need: modules that share them, or the user who made them.</summary>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
            foreach (var (name, tensor) in Named.ToList())
                if (tensor.Binding.Leave(this) || tensor.IsMadeByUser)
                    ModuleInternals.Children(this).Remove(name);
        base.Dispose(disposing);
    }
}

/// <summary>
/// Stands for a module inside a native one, which TorchSharp shows by dotted names only (`self_attn.in_proj_weight`), so
/// that the state reads as PyTorch's: `self_attn.parametrizations.in_proj_weight.original`.
/// </summary>
internal sealed class NativeChild : nn.Module
{
    private NativeChild(string name)
        : base(name) { }

    /// <summary>The module that is to hold a parametrized tensor, and the tensor's name there. Missing modules are made.</summary>
    public static (nn.Module Home, string Name) GetOrAddHome(nn.Module owner, string name)
    {
        var steps = name.Split('.');
        var home = steps.SkipLast(1).Aggregate(owner, ChildOf);
        return (home, steps[^1]);
    }

    /// <summary>Removes the children of this class that are empty.</summary>
    public static void Prune(nn.Module owner)
    {
        var children = ModuleInternals.Children(owner);
        foreach (var (name, child) in owner.named_children().ToList())
        {
            if (child is not NativeChild)
                continue;
            Prune(child);
            if (ModuleInternals.Children(child).Count > 0)
                continue;
            children.Remove(name);
            child.Dispose();
        }
    }

    private static nn.Module ChildOf(nn.Module parent, string name)
    {
        if (ModuleInternals.Children(parent).TryGetValue(name, out var present))
            return present;
        var child = new NativeChild(name);
        child.train(parent.training);
        ModuleInternals.AddChild(parent, name, child);
        return child;
    }
}

using Parametrize.CSharp.Torch;
using static TorchSharp.torch;

namespace Parametrize.CSharp.Registration;

/// <summary>
/// Stands for a module inside a native one, which TorchSharp shows by dotted names only (`self_attn.in_proj_weight`), so
/// that the state reads as PyTorch's: `self_attn.parametrizations.in_proj_weight.original`.
/// </summary>
internal sealed class NativeChild : nn.Module
{
    private NativeChild(string name)
        : base(name) { }

    /// <summary>The module that is to hold a parametrized tensor, and the tensor's name there. Missing modules are made.</summary>
    public static (nn.Module Home, string Name) HomeOf(nn.Module owner, string name)
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

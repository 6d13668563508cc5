using Parametrize.CSharp.Binding;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Parametrize.CSharp;

/// <summary>Registering and removing: everything that can fail comes first, then the module changes.</summary>
internal static class Registration
{
    public static void Register(TensorPath path, Parametrization value, WhenNotAllowed whenNotAllowed)
    {
        if (path.Tensor is { } present)
            present.Append(value, whenNotAllowed);
        else
            Bind(
                path,
                value,
                tensor => StartingParts.For(value, tensor, whenNotAllowed, $"{path.Owner.GetName()}.{path.Name}")
            );
    }

    /// <summary>Lets a plain tensor be computed from parts, which may depend on it.</summary>
    public static void Bind(TensorPath path, Parametrization value, Func<Tensor, Parts> startingParts)
    {
        ModuleInternals.Check();
        Hooks.RequireHookable(path.Owner);
        ParametrizationSet.RequireRoom(path.Owner);
        var (slot, tensor) = SlotFinder.Find(path.Owner, path.Name);
        var parts = startingParts(tensor);
        var parametrized = new ParametrizedTensor(value, parts, tensor, slot.IsBuffer, tensor.requires_grad);
        parametrized.train(path.Owner.training);

        var (home, name) = NativeChild.HomeOf(path.Owner, path.Name);
        ParametrizationSet.GetOrAdd(home).register_module(name, parametrized);
        new ModuleBinding(parametrized, slot).Attach(path.Owner, tensor);
        Adopt(parametrized, parts, tensor);
    }

    public static void Remove(TensorPath path, bool leaveParametrized)
    {
        var parametrized = path.Tensor ?? throw TensorPath.NotParametrized(path.Owner, path.Name);
        parametrized.Binding!.Follow();
        if (!leaveParametrized && parametrized.Inputs.Length > 1)
            throw new InvalidOperationException(
                $"{parametrized.Where} is computed from {parametrized.Inputs.Length} tensors, none of which is the "
                    + "weight. Remove it with leave_parametrized: true."
            );

        using var value = leaveParametrized ? parametrized.Detached() : null;
        var index = Math.Max(parametrized.Reused, 0);
        var own = parametrized.Inputs[index];
        parametrized.Release(parametrized.NameOf(index));
        if (value is not null)
            Overwrite(own, value);
        var owner = parametrized.Binding!.Detach(own);
        var (home, name) = NativeChild.HomeOf(path.Owner, path.Name);
        ParametrizationSet.Of(home)!.Remove(name, home);
        if (owner is not null)
            NativeChild.Prune(owner);
        parametrized.Dispose();
    }

    /// <summary>The module's own tensor becomes the parameter of its shape; if there is none, it is not needed.</summary>
    private static void Adopt(ParametrizedTensor parametrized, Parts parts, Tensor tensor)
    {
        if (parametrized.Reused < 0)
            return;
        using var adopted = parts.Parameters[parametrized.Reused];
        Overwrite(tensor, adopted);
    }

    /// <summary>In place, so that optimizers keep the tensor; its gradient was that of another function.</summary>
    private static void Overwrite(Tensor tensor, Tensor value)
    {
        using var _ = no_grad();
        if (tensor.shape.SequenceEqual(value.shape))
            tensor.copy_(value);
        else
            tensor.set_(value);
        tensor.grad = null;
    }
}

using Parametrize.CSharp.Binding;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using Core = Parametrize.ParametrizationModule;

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

        Bind(parametrized, path, slot, tensor);
        Adopt(parametrized, parts, tensor);
    }

    public static void Remove(TensorPath path, bool leaveParametrized)
    {
        var parametrized = path.Tensor ?? throw TensorPath.NotParametrized(path.Owner, path.Name);
        if (path.IsHeld)
            throw new InvalidOperationException(
                $"{path.Owner.GetName()}.{path.Name} is a ParametrizedTensor that the module holds itself: there is no "
                    + "plain tensor to go back to. Read its Value, and let the module hold a Parameter of that instead."
            );
        parametrized.Binding.Follow();
        if (!leaveParametrized && parametrized.Inputs.Length > 1)
            throw new InvalidOperationException(
                $"{parametrized.Where} is computed from {parametrized.Inputs.Length} tensors, none of which is the "
                    + "weight. Remove it with leave_parametrized: true."
            );

        using var value = leaveParametrized ? parametrized.Detached() : null;
        TakeOut(path, parametrized, value);
    }

    /// <summary>Gives the module a tensor of that value or, computing nothing, one that the value was computed from.</summary>
    public static void TakeOut(TensorPath path, ParametrizedTensor parametrized, Tensor? value)
    {
        var (home, name) = NativeChild.HomeOf(path.Owner, path.Name);
        var set = ParametrizationSet.Of(home)!;
        var binding = parametrized.Binding.In(set, name);
        var isLast = parametrized.Binding.IsOnly(binding) && !parametrized.IsOnesOwn;
        var own = isLast ? Released(parametrized, value) : Copy(parametrized, binding, value);
        var owner = binding.Detach(own);
        set.Remove(name, home);
        if (owner is not null)
            NativeChild.Prune(owner);
        if (isLast)
            parametrized.Dispose();
    }

    /// <summary>Lets one more module compute with a parametrized tensor.</summary>
    public static void Share(TensorPath path, ParametrizedTensor shared)
    {
        if (path.Tensor is not null)
            throw new InvalidOperationException(
                $"{path.Owner.GetName()}.{path.Name} is parametrized. Remove that first, or share its tensor."
            );
        ModuleInternals.Check();
        Hooks.RequireHookable(path.Owner);
        ParametrizationSet.RequireRoom(path.Owner);
        var (slot, tensor) = SlotFinder.Find(path.Owner, path.Name);
        shared.Binding.Follow();
        var (own, other) = (FormModule.ofTensor(tensor), Core.form(shared.Parametrization, shared.CurrentParts()));
        if (!own.Equals(other) || slot.IsBuffer != shared.IsBuffer)
            throw new ArgumentException(
                $"{path.Owner.GetName()}.{path.Name} is a {Kind(slot.IsBuffer)}, {own}; the shared tensor is a "
                    + $"{Kind(shared.IsBuffer)}, {other}.",
                nameof(shared)
            );
        Bind(shared, path, slot, tensor);
    }

    private static string Kind(bool isBuffer) => isBuffer ? "buffer" : "parameter";

    private static void Bind(ParametrizedTensor tensor, TensorPath path, Slot slot, Tensor present)
    {
        var (home, name) = NativeChild.HomeOf(path.Owner, path.Name);
        var set = ParametrizationSet.GetOrAdd(home);
        set.register_module(name, tensor);
        new ModuleBinding(tensor, slot, (set, name)).Attach(path.Owner, present);
    }

    /// <summary>The module's own tensor, or what takes its place.</summary>
    private static Tensor Released(ParametrizedTensor parametrized, Tensor? value)
    {
        var index = Math.Max(parametrized.Reused, 0);
        var own = parametrized.Inputs[index];
        parametrized.Release(parametrized.NameOf(index));
        if (value is not null)
            Overwrite(own, value);
        return own;
    }

    /// <summary>A tensor for a module that leaves, while the parametrized one goes on.</summary>
    private static Tensor Copy(ParametrizedTensor parametrized, ModuleBinding binding, Tensor? value)
    {
        var original = parametrized.Inputs[Math.Max(parametrized.Reused, 0)];
        var copy = (value ?? original).Copied();
        return binding.IsBuffer ? copy : new Parameter(copy, original.requires_grad).DetachFromDisposeScope();
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

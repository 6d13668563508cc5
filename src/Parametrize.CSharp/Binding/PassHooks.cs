using System.Runtime.CompilerServices;
using Parametrize.CSharp.Grouping;
using Parametrize.CSharp.Threads;
using Parametrize.CSharp.Torch;
using static TorchSharp.torch;

namespace Parametrize.CSharp.Binding;

/// <summary>
/// The hooks around the `call` of one module, and the tensors that are computed for it: its own, and those of the modules
/// inside it that were registered through it. These are computed once for each pass, however the modules inside are run.
/// </summary>
internal sealed class PassHooks
{
    private static readonly ConditionalWeakTable<nn.Module, PassHooks> Known = [];

    /// <summary>Replaced, never changed: threads that compute may be on their way through it.</summary>
    private ModuleBinding[] _bindings = [];

    /// <summary>Those of scopes that have ended, perhaps during a pass that has entered them.</summary>
    private ModuleBinding[] _former = [];

    /// <summary>By how many each is wanted: its registration, and cached scopes for the model.</summary>
    private readonly OrderedDictionary<ModuleBinding, int> _wanted = [];
    private Hooks? _hooks;

    /// <summary>Has tensors computed for the passes of a module that has a `call`, until they are removed as often.</summary>
    public static void Add(nn.Module module, params IReadOnlyList<ModuleBinding> bindings)
    {
        var own = Known.GetOrCreateValue(module);
        // Threads may register on different children of one model.
        lock (own)
        {
            own._hooks ??= Hooks.Around(module, own.Enter, own.Exit);
            foreach (var binding in bindings)
                own._wanted[binding] = own._wanted.GetValueOrDefault(binding) + 1;
            own.Order();
        }
    }

    /// <summary>Who uses a tensor that each pass of the module computes first, and holds to its end; null when it computes none.</summary>
    public static TensorAccess? AccessOf(nn.Module module) =>
        Known.TryGetValue(module, out var own) && own._bindings is [var first, ..] ? first.Access : null;

    /// <summary>
    /// A scope for the model has ended: its next pass computes them no more. The hooks stay, since other threads may be on their
    /// way through them.
    /// </summary>
    public static void Leave(nn.Module model, IReadOnlyList<ModuleBinding> bindings)
    {
        if (!Known.TryGetValue(model, out var own))
            return;
        lock (own)
        {
            List<ModuleBinding> left = [.. bindings.Where(own._wanted.ContainsKey)];
            foreach (var binding in left)
                if (--own._wanted[binding] == 0)
                    own._wanted.Remove(binding);
            own._former = [.. own._former.Union(left)];
            own.Order();
        }
    }

    /// <summary>The tensor is removed, which no thread uses; the hooks go with the last.</summary>
    public static void Remove(nn.Module module, ModuleBinding binding)
    {
        if (!Known.TryGetValue(module, out var own))
            return;
        lock (own)
        {
            own._wanted.Remove(binding);
            own._former = [.. own._former.Where(one => one != binding)];
            own.Order();
            if (own._bindings.Length > 0 || own._former.Length > 0)
                return;
            own._hooks?.Remove();
            own._hooks = null;
        }
    }

    /// <summary>As all modules order them: passes that enter tensors in different orders could wait for each other.</summary>
    private void Order()
    {
        ModuleBinding[] wanted = [.. _wanted.Keys];
        for (var index = 1; index < wanted.Length; index++)
            if (wanted[index].Access.Number < wanted[index - 1].Access.Number)
            {
                wanted = [.. wanted.OrderBy(binding => binding.Access.Number)];
                break;
            }
        if (_former.Length > 0)
            _former = [.. _former.Except(wanted)];
        _bindings = wanted;
    }

    private void Enter(nn.Module module)
    {
        ModuleBinding[] entered = [];
        // Other threads may have registered while this one waited. They cannot where it has entered another of the module.
        for (var all = _bindings; all != entered; (entered, all) = (all, _bindings))
            EnterThose(entered.Length == 0 ? all : [.. all.Except(entered)], entered);
    }

    /// <summary>Leaves those that were entered before when one of these fails.</summary>
    private void EnterThose(ModuleBinding[] bindings, ModuleBinding[] before)
    {
        var entered = 0;
        try
        {
            using var _ = GroupedValues.For(bindings);
            for (; entered < bindings.Length; entered++)
                bindings[entered].Enter(this);
        }
        catch
        {
            Exit(bindings.AsSpan(0, entered));
            Exit(before);
            throw;
        }
    }

    private void Exit(nn.Module module)
    {
        var bindings = _bindings; // Before the former ones: a scope that ends now moves some there.
        Exit(_former.Length == 0 ? bindings : [.. _former, .. bindings]);
    }

    private void Exit(ReadOnlySpan<ModuleBinding> entered) => Every.FromTheLast(entered, binding => binding.Exit(this));
}

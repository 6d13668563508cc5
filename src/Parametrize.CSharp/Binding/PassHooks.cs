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

    /// <summary>By how many each is wanted: its registration, and cached scopes for the model.</summary>
    private readonly Dictionary<ModuleBinding, int> _wanted = [];
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

    public static void Remove(nn.Module module, params IReadOnlyList<ModuleBinding> bindings)
    {
        if (!Known.TryGetValue(module, out var own))
            return;
        lock (own)
        {
            foreach (var binding in bindings)
                if (--own._wanted[binding] == 0)
                    own._wanted.Remove(binding);
            own.Order();
            if (own._bindings.Length > 0)
                return;
            own._hooks?.Remove();
            own._hooks = null;
        }
    }

    /// <summary>As all modules order them: passes that enter tensors in different orders could wait for each other.</summary>
    private void Order() => _bindings = [.. _wanted.Keys.OrderBy(binding => binding.Access.Number)];

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
        using var _ = GroupedValues.For(bindings);
        try
        {
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

    private void Exit(nn.Module module) => Exit(_bindings);

    private void Exit(ReadOnlySpan<ModuleBinding> entered) => Every.FromTheLast(entered, binding => binding.Exit(this));
}

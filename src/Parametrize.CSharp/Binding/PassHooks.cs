using Parametrize.CSharp.Grouping;
using Parametrize.CSharp.Threads;

namespace Parametrize.CSharp.Binding;

/// <summary>
/// The hooks around the `call` of one module, and the tensors that are computed for it: its own, and those of the modules inside it
/// that were registered through it. These tensors are computed once for each pass, whether the modules inside are run by `call` or
/// by `forward`.
/// </summary>
internal sealed class PassHooks
{
    private static readonly ConditionalWeakTable<nn.Module, PassHooks> Known = [];

    /// <summary>Replaced as a whole, never changed: other threads may be iterating over it.</summary>
    private ModuleBinding[] _bindings = [];

    /// <summary>
    /// Bindings that only ended scopes had added. A pass that entered them before the scope ended must still leave them.
    /// </summary>
    private ModuleBinding[] _former = [];

    /// <summary>Reference counts: one for the registration, one for each open cached scope of the model.</summary>
    private readonly OrderedDictionary<ModuleBinding, int> _wanted = [];
    private Hooks? _hooks;

    /// <summary>Made once, not for each pass.</summary>
    private readonly Action<ModuleBinding> _exit;

    public PassHooks() => _exit = binding => binding.Exit(this);

    /// <summary>
    /// Computes tensors for the passes of a module that has a `call`, until they are removed as often as they were added.
    /// </summary>
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

    /// <summary>
    /// The access of the first tensor that each pass of the module enters; null when a pass enters none. Whoever has it exclusively
    /// keeps passes out.
    /// </summary>
    public static TensorAccess? AccessOf(nn.Module module) =>
        Known.TryGetValue(module, out var own) && own._bindings is [var first, ..] ? first.Access : null;

    /// <summary>
    /// Called when a scope for the model has ended: the next pass no longer computes these tensors. The hooks stay, since other
    /// threads may be running them.
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

    /// <summary>Removes a tensor that no thread uses. The hooks are removed with the last tensor.</summary>
    public static void Remove(nn.Module module, ModuleBinding binding)
    {
        if (!Known.TryGetValue(module, out var own))
            return;
        lock (own)
        {
            own._wanted.Remove(binding);
            own._former = [.. own._former.Where(former => former != binding)];
            own.Order();
            if (own._bindings.Length > 0 || own._former.Length > 0)
                return;
            own._hooks?.Remove();
            own._hooks = null;
        }
    }

    /// <summary>
    /// Sorts the tensors by serial number, as all modules do: passes that enter tensors in different orders could wait for each
    /// other.
    /// </summary>
    private void Order()
    {
        ModuleBinding[] wanted = [.. _wanted.Keys.OrderBy(binding => binding.Access.Number)];
        _former = [.. _former.Except(wanted)];
        _bindings = wanted;
    }

    private void Enter(nn.Module module)
    {
        ModuleBinding[] entered = [];
        // Other threads may have registered more tensors while this thread waited for the first one. Once this thread has entered a
        // tensor of the module, they cannot.
        for (var all = _bindings; all != entered; (entered, all) = (all, _bindings))
            EnterThose(entered.Length == 0 ? all : [.. all.Except(entered)], entered);
    }

    /// <summary>Enters these tensors. When one fails, leaves all that were entered, those of `before` included.</summary>
    private void EnterThose(ModuleBinding[] bindings, ModuleBinding[] before)
    {
        var entered = 0;
        try
        {
            using var _ = bindings.Length > 1 ? GroupedValues.For(bindings) : null;
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
        var bindings = _bindings; // Read before `_former`: a scope that ends now moves bindings there.
        Exit(_former.Length == 0 ? bindings : [.. _former, .. bindings]);
    }

    private void Exit(ReadOnlySpan<ModuleBinding> entered) => Every.FromTheLast(entered, _exit);
}

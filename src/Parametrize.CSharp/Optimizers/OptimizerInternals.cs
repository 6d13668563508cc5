using System.Reflection;
using TorchSharp.Utils;

namespace Parametrize.CSharp.Optimizers;

/// <summary>All private members of TorchSharp's optimizers that this library needs. They are checked before use.</summary>
internal static class OptimizerInternals
{
    private const BindingFlags Declared =
        BindingFlags.Instance | BindingFlags.NonPublic | BindingFlags.Public | BindingFlags.DeclaredOnly;

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_parameter_groups")]
    public static extern ref IList<ParamGroup>? Groups(optim.Optimizer optimizer);

    /// <summary>The state that an optimizer has for a parameter, or null when the parameter is new to it.</summary>
    public static OptimizerState? StateOf(OptimizerHelper optimizer, Parameter parameter) =>
        // The key is an address, which may have been that of a parameter disposed since.
        States(optimizer).TryGetValue(parameter.Handle, out var state) && ReferenceEquals(ParameterOf(state), parameter)
            ? state
            : null;

    /// <summary>Drops the state that an optimizer has for a parameter, which may be disposed.</summary>
    public static void ForgetState(OptimizerHelper optimizer, Parameter parameter)
    {
        // TorchSharp has not implemented the enumeration of key-value pairs.
        IEnumerable<(IntPtr Key, OptimizerState Value)> states = States(optimizer);
        foreach (var (key, state) in states.Where(pair => ReferenceEquals(ParameterOf(pair.Value), parameter)).ToList())
        {
            States(optimizer).Remove(key);
            (state as IDisposable)?.Dispose();
        }
    }

    /// <summary>Throws when this TorchSharp lacks one of the members.</summary>
    public static void Check()
    {
        (Type Owner, string Name)[] fields =
        [
            (typeof(optim.Optimizer), "_parameter_groups"),
            (typeof(OptimizerHelper), "_state"),
            (typeof(OptimizerState), "_parameter"),
        ];
        var missing = fields.Where(field => field.Owner.GetField(field.Name, Declared) is null).ToList();
        if (missing.Count > 0)
            throw new PlatformNotSupportedException(
                $"TorchSharp {typeof(optim.Optimizer).Assembly.GetName().Version} lacks "
                    + $"{string.Join(", ", missing.Select(field => $"{field.Owner.Name}.{field.Name}"))}, which "
                    + "Parametrize needs to read an optimizer's state. Use TorchSharp 0.107, or build the optimizer anew."
            );
    }

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_state")]
    private static extern ref OrderedDict<IntPtr, OptimizerState> States(OptimizerHelper optimizer);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_parameter")]
    private static extern ref Parameter ParameterOf(OptimizerState state);
}

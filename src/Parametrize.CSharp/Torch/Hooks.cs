using System.Reflection;
using System.Runtime.CompilerServices;
using static TorchSharp.torch;

namespace Parametrize.CSharp.Torch;

/// <summary>A pair of hooks around a module's `call`, whatever its arguments.</summary>
internal sealed class Hooks
{
    /// <summary>
    /// The objects that remove the hooks. They refer to the module, so they are held weakly: the module must not live as long as
    /// others that share its tensor.
    /// </summary>
    private readonly ConditionalWeakTable<nn.Module, object[]> _removers = [];

    private Hooks(nn.Module module, object before, object after) => _removers.Add(module, [before, after]);

    public static bool CanBeAround(nn.Module module) => HookableTypeOf(module) is not null;

    public static Hooks Around(nn.Module module, Action<nn.Module> before, Action<nn.Module> after)
    {
        var type = HookableTypeOf(module)!;
        return new(
            module,
            Register(type, "register_forward_pre_hook", module, before),
            Register(type, "register_forward_hook", module, after)
        );
    }

    public void Remove()
    {
        foreach (var remover in _removers.SelectMany(pair => pair.Value))
            remover.GetType().GetMethod("remove")!.Invoke(remover, null);
    }

    private static Type? HookableTypeOf(nn.Module module)
    {
        var type = module.GetType();
        while (
            type is not null && !(type.IsGenericType && type.GetGenericTypeDefinition() == typeof(nn.HookableModule<,>))
        )
            type = type.BaseType;
        return type;
    }

    private static object Register(Type type, string name, nn.Module module, Action<nn.Module> hook)
    {
        var method = type.GetMethod(name, BindingFlags.Instance | BindingFlags.Public, [typeof(Action<nn.Module>)])!;
        return method.Invoke(module, [hook])!;
    }
}

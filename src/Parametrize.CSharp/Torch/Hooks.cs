using System.Reflection;
using static TorchSharp.torch;

namespace Parametrize.CSharp.Torch;

/// <summary>A pair of hooks around a module's `call`, whatever its arguments.</summary>
/// <param name="removers">The objects that remove them.</param>
internal sealed class Hooks(params object[] removers)
{
    public static bool CanBeAround(nn.Module module) => HookableTypeOf(module) is not null;

    public static Hooks Around(nn.Module module, Action<nn.Module> before, Action<nn.Module> after)
    {
        var type = HookableTypeOf(module)!;
        return new(
            Register(type, "register_forward_pre_hook", module, before),
            Register(type, "register_forward_hook", module, after)
        );
    }

    public void Remove()
    {
        foreach (var remover in removers)
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

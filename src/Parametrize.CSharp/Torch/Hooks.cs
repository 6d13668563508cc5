using System.Reflection;

namespace Parametrize.CSharp.Torch;

/// <summary>A pair of hooks around a module's `call`, whatever its arguments.</summary>
/// <remarks>
/// TorchSharp's own verbs change the dictionaries through which a `call` of another thread may be iterating, and that call then
/// throws. So the dictionaries are replaced. The caller has a lock, so that two threads do not replace one at the same time.
/// </remarks>
internal sealed class Hooks
{
    /// <summary>TorchSharp's fields, which `ModuleInternals` checks.</summary>
    public const string Before = "module_pre_hooks";
    public const string After = "module_post_hooks";

    private readonly nn.Module _module;
    private readonly string _key = $"{Guid.NewGuid()}";

    private Hooks(nn.Module module) => _module = module;

    public static bool CanBeAround(nn.Module module) => HookableTypeOf(module) is not null;

    public static Hooks Around(nn.Module module, Action<nn.Module> before, Action<nn.Module> after)
    {
        var hooks = new Hooks(module);
        hooks.Replace(After, all => all.Add(hooks._key, after));
        hooks.Replace(Before, all => all.Add(hooks._key, before));
        return hooks;
    }

    public void Remove()
    {
        Replace(Before, all => all.Remove(_key));
        Replace(After, all => all.Remove(_key));
    }

    private void Replace(string name, Action<Dictionary<string, Action<nn.Module>>> change)
    {
        var field = HookableTypeOf(_module)!.GetField(name, BindingFlags.Instance | BindingFlags.NonPublic)!;
        var changed = new Dictionary<string, Action<nn.Module>>(
            (Dictionary<string, Action<nn.Module>>)field.GetValue(_module)!
        );
        change(changed);
        field.SetValue(_module, changed);
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
}

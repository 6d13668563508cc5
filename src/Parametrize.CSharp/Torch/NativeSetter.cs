using System.Reflection;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Parametrize.CSharp.Torch;

/// <summary>
/// Replaces the tensor with which a native module computes, as the setter of its property does, but does not register it: another
/// thread that reads the registry would see the tensor appear and disappear in each forward pass.
/// </summary>
internal sealed class NativeSetter(PropertyInfo property)
{
    private static readonly Type? Imported = typeof(nn.Module).Assembly.GetType("TorchSharp.PInvoke.NativeMethods");

    private readonly MethodInvoker _method = Of(property);

    public void Set(nn.Module module, Parameter tensor)
    {
        _method.Invoke(null, ModuleInternals.HandleOf(module), tensor.Handle);
        CheckForErrors();
    }

    private static MethodInvoker Of(PropertyInfo property)
    {
        var name = $"THSNN_{property.DeclaringType!.Name}_set_{property.Name}";
        var method =
            Imported?.GetMethod(name, BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic)
            ?? throw ModuleInternals.Missing(name);
        return MethodInvoker.Create(method);
    }
}

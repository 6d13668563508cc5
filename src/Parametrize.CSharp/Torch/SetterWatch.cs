using System.Diagnostics;
using System.Reflection;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Parametrize.CSharp.Torch;

/// <summary>Tells when a setter of TorchSharp's modules puts another tensor into a field, and when the module is disposed.</summary>
/// <remarks>
/// TorchSharp (0.107.0) says neither. Setters of Linear, convolutions and norms dispose what is in the field, and register the
/// new tensor: moving a module runs them. `Dispose` of the same modules disposes what is in their fields and nothing else. So
/// the tensor that is disposed looks at who disposes it, and the module gets a registry that tells when it is written to. The
/// cure upstream: `nn.Module` calls a virtual method when it registers a parameter under a name that it has, and `Dispose` of
/// these modules calls that of its base, which disposes children. Then this class goes.
/// </remarks>
internal static class SetterWatch
{
    private const BindingFlags Private = BindingFlags.Instance | BindingFlags.NonPublic;

    private static readonly FieldInfo? Index = typeof(OrderedDict<string, Parameter>).GetField("_dict", Private);

    private static readonly FieldInfo? BufferIndex = typeof(OrderedDict<string, (Tensor, bool)>).GetField(
        "_dict",
        Private
    );

    /// <summary>Whether registries are as this class knows them.</summary>
    public static bool IsPossible => Index is not null && BufferIndex is not null;

    /// <summary>Asked while a tensor is disposed: by a module that is being disposed, rather than by a setter.</summary>
    public static bool IsModuleDisposing()
    {
        var caller = new StackTrace()
            .GetFrames()
            .Select(frame => frame.GetMethod())
            .FirstOrDefault(method =>
                method?.DeclaringType is { } type
                && type != typeof(SetterWatch)
                && !typeof(Tensor).IsAssignableFrom(type)
            );
        return caller?.Name == nameof(nn.Module.Dispose) && typeof(nn.Module).IsAssignableFrom(caller.DeclaringType);
    }

    /// <summary>A registry that lists the same, but finds nothing, and tells when something is about to be added.</summary>
    public static OrderedDict<string, T> Watched<T>(OrderedDict<string, T> real, Action onAdding)
    {
        var registry = new OrderedDict<string, T>();
        foreach (var (name, value) in (IList<(string, T)>)real)
            registry.Add(name, value);
        var index = typeof(T) == typeof(Parameter) ? Index : BufferIndex;
        index!.SetValue(registry, new Dictionary<string, T>(new Watch(onAdding)));
        return registry;
    }

    /// <summary>The only thing of a dictionary that is called when it is written to.</summary>
    private sealed class Watch(Action onAdding) : IEqualityComparer<string>
    {
        public bool Equals(string? left, string? right) => left == right;

        public int GetHashCode(string key)
        {
            onAdding();
            return key.GetHashCode();
        }
    }
}

using System.Reflection;
using System.Runtime.CompilerServices;
using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Parametrize.CSharp.Binding;

/// <summary>The private members of TorchSharp on which binding rests, all of them, checked before first use.</summary>
internal static class ModuleInternals
{
    private const BindingFlags Declared =
        BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly;

    private static readonly FieldInfo? Index = typeof(OrderedDict<string, Parameter>).GetField("_dict", Declared);

    private static readonly FieldInfo? BufferIndex = typeof(OrderedDict<string, (Tensor, bool)>).GetField(
        "_dict",
        Declared
    );

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_internal_params")]
    public static extern ref OrderedDict<string, Parameter> Parameters(nn.Module module);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_internal_buffers")]
    public static extern ref OrderedDict<string, (Tensor, bool)> Buffers(nn.Module module);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_internal_submodules")]
    public static extern ref OrderedDict<string, nn.Module> Children(nn.Module module);

    [UnsafeAccessor(UnsafeAccessorKind.Method, Name = "RegisterComponents")]
    public static extern void RegisterComponents(nn.Module module);

    [UnsafeAccessor(UnsafeAccessorKind.Method, Name = "_named_parameters")]
    public static extern (string name, Parameter parameter)[] NativeParameters(nn.Module module);

    public static Parameter? ParameterOf(nn.Module module, string name) =>
        Parameters(module).TryGetValue(name, out var parameter) ? parameter : null;

    public static Tensor? BufferOf(nn.Module module, string name) =>
        Buffers(module).TryGetValue(name, out var buffer) ? buffer.Item1 : null;

    /// <summary>Throws when this TorchSharp lacks one of the members.</summary>
    public static void Check()
    {
        string[] fields = ["_internal_params", "_internal_buffers", "_internal_submodules"];
        var missing = fields.Where(name => typeof(nn.Module).GetField(name, Declared) is null).ToList();
        if (Index is null || BufferIndex is null)
            missing.Add("OrderedDict._dict");
        if (missing.Count > 0)
            throw new PlatformNotSupportedException(
                $"TorchSharp {typeof(nn.Module).Assembly.GetName().Version} lacks {string.Join(", ", missing)}, which "
                    + "Parametrize needs to bind modules. Use TorchSharp 0.107, or hold a ParametrizedTensor."
            );
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

    /// <summary>Fields of the module and its base classes, most derived first.</summary>
    public static IEnumerable<FieldInfo> FieldsOf(nn.Module module)
    {
        for (var type = module.GetType(); type is not null && type != typeof(nn.Module); type = type.BaseType)
            foreach (var field in type.GetFields(Declared))
                yield return field;
    }

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

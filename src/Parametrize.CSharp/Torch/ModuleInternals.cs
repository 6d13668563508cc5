using System.Reflection;
using TorchSharp;
using TorchSharp.Utils;

namespace Parametrize.CSharp.Torch;

/// <summary>All private members of TorchSharp that binding needs. They are checked before first use.</summary>
internal static class ModuleInternals
{
    private const BindingFlags Declared =
        BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly;

    private static readonly FieldInfo? Handle = typeof(nn.Module).GetField("handle", Declared);

    private static readonly Lazy<string[]> Lacking = new(FindLacking);

    /// <summary>The modules whose fields the library has registered before TorchSharp did.</summary>
    private static readonly ConditionalWeakTable<nn.Module, object> Registered = [];

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_internal_params")]
    public static extern ref OrderedDict<string, Parameter> Parameters(nn.Module module);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_internal_buffers")]
    public static extern ref OrderedDict<string, (Tensor, bool)> Buffers(nn.Module module);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_internal_submodules")]
    public static extern ref OrderedDict<string, nn.Module> Children(nn.Module module);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_deviceType")]
    public static extern ref DeviceType DeviceType(nn.Module module);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_deviceIndex")]
    public static extern ref int DeviceIndex(nn.Module module);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_list")]
    public static extern ref List<Parameter> Items(ParameterList list);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_list")]
    public static extern ref List<(string, Parameter)> Items(ParameterDict dictionary);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_dict")]
    public static extern ref Dictionary<string, Parameter> Entries(ParameterDict dictionary);

    [UnsafeAccessor(UnsafeAccessorKind.Method, Name = "_named_parameters")]
    public static extern (string name, Parameter parameter)[] NativeParameters(nn.Module module);

    /// <summary>
    /// The name of the module in messages. For TorchSharp's modules the class, since their names may be those of native code
    /// (`torch::nn::SequentialImpl`, which derived classes inherit), or of another class (every batch norm is named `BatchNorm1d`).
    /// </summary>
    public static string Title(this nn.Module module)
    {
        var (type, name) = (module.GetType(), module.GetName());
        return type.Assembly == typeof(nn.Module).Assembly || name.Contains("::") ? type.Name.Split('`')[0] : name;
    }

    /// <summary>Whether a module was disposed. Linear and convolutions then dispose their parameters and nothing else.</summary>
    public static bool IsDisposed(nn.Module module)
    {
        if (HandleOf(module) is SafeHandle handle && (handle.IsInvalid || handle.IsClosed))
            return true;
        // After a move, the registries of lists and of users' classes still have the first tensors.
        if (module is ParameterList or ParameterDict || module.GetType().Assembly != typeof(nn.Module).Assembly)
            return false;
        try
        {
            IList<(string, Parameter? Tensor)> parameters = Parameters(module)!;
            for (var index = 0; index < parameters.Count; index++)
                if (parameters[index].Tensor is { IsInvalid: true })
                    return true;
        }
        catch (ArgumentOutOfRangeException)
        {
            // Another thread changes what is registered.
        }
        return false;
    }

    /// <summary>Whether a module has registered the tensor of this identity.</summary>
    public static bool Has(nn.Module module, IntPtr identity)
    {
        IList<(string, Parameter Tensor)> parameters = Parameters(module);
        for (var index = 0; index < parameters.Count; index++)
            if (
                parameters[index].Tensor is { IsInvalid: false } parameter
                && NativeTensors.Identity(parameter) == identity
            )
                return true;
        IList<(string, (Tensor Tensor, bool))> buffers = Buffers(module);
        for (var index = 0; index < buffers.Count; index++)
            if (
                buffers[index].Item2.Tensor is { IsInvalid: false } buffer
                && NativeTensors.Identity(buffer) == identity
            )
                return true;
        return false;
    }

    /// <summary>Puts a child into a module without asking it: a user's class may refuse (`register_module` is virtual).</summary>
    public static void AddChild(nn.Module module, string name, nn.Module child) => Children(module).Add(name, child);

    /// <summary>
    /// TorchSharp (0.107.0) counts a tensor again that becomes a parameter, and counts one without a handle, which it never
    /// disposes. Takes it off once, so that Tensor.TotalCount does not look like a leak.
    /// </summary>
    public static T TakeOffCount<T>(this T tensor)
        where T : Tensor
    {
        if (tensor is Parameter || tensor.IsInvalid)
            Interlocked.Decrement(ref TensorCount(null));
        return tensor;
    }

    /// <summary>
    /// Brings the registry up to date with the module's fields. A ParameterList registers its contents only once. A tensor that the
    /// module has registered by hand keeps that name only, or its state would list it twice.
    /// </summary>
    /// <param name="again">
    /// Whether to do it again although this library has done it before: fields may have been assigned since.
    /// </param>
    public static void RegisterComponents(nn.Module module, bool again = false)
    {
        var isList = module is ParameterList or ParameterDict;
        if (!isList && (AreComponentsRegistered(module) || !again && Registered.TryGetValue(module, out _)))
            return;
        var (parameters, buffers, children) = (
            Entries(Parameters(module)),
            Entries(Buffers(module)),
            Entries(Children(module))
        );
        Register(module);
        KeepNames(Parameters(module), parameters, parameter => parameter);
        KeepNames(Buffers(module), buffers, buffer => buffer.Item1);
        KeepNames(Children(module), children, child => child);
        if (!isList)
        {
            // The constructor of the module may be running: it assigns the other fields and then calls RegisterComponents, which
            // must not count as a second call.
            AreComponentsRegistered(module) = false;
            Registered.AddOrUpdate(module, Registered);
            return;
        }
        var registry = Parameters(module);
        registry.clear();
        foreach (var (name, parameter) in module.named_parameters(false))
            if (parameter is not (null or IInjected))
                registry.Add(name, parameter);
    }

    /// <summary>
    /// The first field that is null although it is declared as a non-nullable module or tensor; null when there is none. Such a
    /// field shows that the constructor of the module is still running.
    /// </summary>
    public static FieldInfo? FirstUnassigned(nn.Module module)
    {
        if (AreComponentsRegistered(module))
            return null;
        var annotations = new NullabilityInfoContext();
        return FieldsOf(module)
            // Fields of TorchSharp's own classes are not considered: a norm without weights has null in fields that are declared
            // non-nullable.
            .Where(field =>
                field.DeclaringType!.Assembly != typeof(nn.Module).Assembly
                && (field.FieldType.IsAssignableTo(typeof(nn.Module)) || field.FieldType.IsAssignableTo(typeof(Tensor)))
            )
            .FirstOrDefault(field =>
                field.GetValue(module) is null && annotations.Create(field).ReadState == NullabilityState.NotNull
            );
    }

    /// <summary>Keeps what is registered now, whatever the module's fields hold later.</summary>
    public static void KeepRegistered(nn.Module module) => AreComponentsRegistered(module) = true;

    public static Parameter? ParameterOf(nn.Module module, string name) =>
        Parameters(module).TryGetValue(name, out var parameter) ? parameter : null;

    public static Tensor? BufferOf(nn.Module module, string name) =>
        Buffers(module).TryGetValue(name, out var buffer) ? buffer.Item1 : null;

    /// <summary>Whether the module itself, not a child, has a tensor of that name.</summary>
    public static bool HasTensor(nn.Module module, string name) => TensorOf(module, name) is not null;

    /// <summary>The parameter of that name that a module has registered, else the buffer.</summary>
    public static Tensor? TensorOf(nn.Module module, string name) =>
        (Tensor?)ParameterOf(module, name) ?? BufferOf(module, name);

    /// <summary>Throws when this TorchSharp lacks one of the members.</summary>
    public static void Check()
    {
        if (Lacking.Value is { Length: > 0 } missing)
            throw Missing(missing);
    }

    public static PlatformNotSupportedException Missing(params string[] members) =>
        new(
            $"TorchSharp {typeof(nn.Module).Assembly.GetName().Version} lacks {string.Join(", ", members)}, which "
                + "Parametrize needs to bind modules. Use TorchSharp 0.107, or hold a ParametrizedTensor."
        );

    /// <summary>The handle that native functions take for the module.</summary>
    public static object? HandleOf(nn.Module module) => Handle?.GetValue(module);

    private static string[] FindLacking()
    {
        (Type Type, string Name)[] fields =
        [
            (typeof(nn.Module), "_internal_params"),
            (typeof(nn.Module), "_internal_buffers"),
            (typeof(nn.Module), "_internal_submodules"),
            (typeof(nn.Module), "_areComponentsRegistered"),
            (typeof(nn.Module), "_deviceType"),
            (typeof(nn.Module), "_deviceIndex"),
            (typeof(nn.Module), "handle"),
            (typeof(nn.HookableModule<,>), Hooks.Before),
            (typeof(nn.HookableModule<,>), Hooks.After),
            (typeof(ParameterList), "_list"),
            (typeof(ParameterDict), "_list"),
            (typeof(ParameterDict), "_dict"),
            (typeof(Tensor), "_totalCount"),
        ];
        return
        [
            .. fields
                .Where(field => field.Type.GetField(field.Name, Declared | BindingFlags.Static) is null)
                .Select(field => $"{field.Type.Name}.{field.Name}"),
            .. SetterWatch.IsPossible ? (string[])[] : ["OrderedDict._dict"],
        ];
    }

    private static (string Name, T Value)[] Entries<T>(OrderedDict<string, T> registry) =>
        [.. (IList<(string, T)>)registry];

    private static void KeepNames<T>(
        OrderedDict<string, T> registry,
        (string Name, T Value)[] before,
        Func<T, object?> identity
    )
    {
        if (((IList<(string, T)>)registry).Count == before.Length)
            return;
        var known = new HashSet<object?>(
            before.Select(entry => identity(entry.Value)).Where(key => key is not null),
            ReferenceEqualityComparer.Instance
        );
        var names = before.Select(entry => entry.Name).ToHashSet();
        foreach (var (name, value) in Entries(registry))
            if (!names.Contains(name) && known.Contains(identity(value)))
                registry.Remove(name);
    }

    [UnsafeAccessor(UnsafeAccessorKind.StaticField, Name = "_totalCount")]
    private static extern ref long TensorCount(Tensor? tensor);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_areComponentsRegistered")]
    private static extern ref bool AreComponentsRegistered(nn.Module module);

    [UnsafeAccessor(UnsafeAccessorKind.Method, Name = "RegisterComponents")]
    private static extern void Register(nn.Module module);

    /// <summary>Fields of the module and its base classes, most derived first.</summary>
    public static IEnumerable<FieldInfo> FieldsOf(nn.Module module)
    {
        for (var type = module.GetType(); type is not null && type != typeof(nn.Module); type = type.BaseType)
            foreach (var field in type.GetFields(Declared))
                yield return field;
    }
}

/// <summary>Marks parameters that this library puts into a module's field in place of the module's own tensor.</summary>
internal interface IInjected;

using System.Reflection;
using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Parametrize.CSharp.Torch;

/// <summary>Tells when a setter of TorchSharp's modules puts another tensor into a field, and when the module is disposed.</summary>
/// <remarks>
/// TorchSharp (0.107.0) says neither. Setters of Linear, convolutions and norms dispose what is in the field, and register the
/// new tensor: moving a module runs them. `Dispose` of Linear, Bilinear and convolutions disposes the weight, then the bias, and
/// nothing else. What comes next tells which of the two it is. A setter writes to the registry: the module gets one that tells.
/// `Dispose` disposes the bias: a parameter that tells stands in its field. PReLU has no bias: its parts wait for the garbage
/// collector. The cure upstream: `nn.Module` calls a virtual method when it registers a
/// parameter under a name that it has, and `Dispose` of these modules calls that of its base, which disposes children. Then
/// this class goes.
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

    /// <summary>Tells when the bias is disposed, where it would be next after this weight.</summary>
    /// <returns>Puts the bias back.</returns>
    public static Action WatchBias(nn.Module owner, Tensor weight, Action onDisposing)
    {
        var fields = ModuleInternals
            .FieldsOf(owner)
            .Where(field => field.DeclaringType!.Assembly == typeof(nn.Module).Assembly)
            .ToList();
        if (
            !fields.Exists(field => field.Name == "_weight" && ReferenceEquals(field.GetValue(owner), weight))
            || fields.Find(field => field.Name == "_bias") is not { } place
        )
            return () => { };
        var bias = (Tensor?)place.GetValue(owner);
        place.SetValue(
            owner,
            new BiasWitness(() =>
            {
                place.SetValue(owner, bias);
                onDisposing();
                bias?.Dispose();
            })
        );
        return () => place.SetValue(owner, bias);
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

    /// <summary>Has no numbers.</summary>
    private sealed class BiasWitness : Parameter
    {
        private readonly Action? _onDisposing;

        public BiasWitness(Action onDisposing)
            : base(torch.empty(0))
        {
            this.DetachFromDisposeScope();
            this.TakeOffCount();
            Dispose();
            _onDisposing = onDisposing;
        }

        protected override void Dispose(bool disposing)
        {
            base.Dispose(disposing);
            if (disposing)
                _onDisposing?.Invoke();
        }
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

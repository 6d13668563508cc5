using System.Reflection;
using TorchSharp;
using TorchSharp.Utils;

namespace Parametrize.CSharp.Torch;

/// <summary>Tells when a setter of TorchSharp's modules puts another tensor into a field, and when the module is disposed.</summary>
/// <remarks>
/// TorchSharp 0.107 raises no event for either. A setter of Linear, convolutions and norms first disposes the old tensor, then
/// registers the new one (a move runs the setters too); so after a disposal the module gets a temporary registry that reports the
/// first write. `Dispose` of Linear, Bilinear and convolutions disposes the weight, then the bias; so the bias field gets a
/// parameter that reports its disposal. PReLU has no bias, so its parts are left to the garbage collector. A change in TorchSharp
/// would make this class unnecessary: `nn.Module` calls a virtual method when it registers a parameter under a present name, and
/// `Dispose` of these modules calls `base.Dispose`, which disposes children.
/// </remarks>
internal static class SetterWatch
{
    private const BindingFlags Private = BindingFlags.Instance | BindingFlags.NonPublic;

    private static readonly FieldInfo? Index = typeof(OrderedDict<string, Parameter>).GetField("_dict", Private);

    private static readonly FieldInfo? BufferIndex = typeof(OrderedDict<string, (Tensor, bool)>).GetField(
        "_dict",
        Private
    );

    /// <summary>Whether this TorchSharp has the private field of registries that this class needs.</summary>
    public static bool IsPossible => Index is not null && BufferIndex is not null;

    /// <summary>Reports when the bias is disposed, for modules whose `Dispose` disposes this weight and then the bias.</summary>
    /// <returns>An action that puts the bias back.</returns>
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
            new BiasStandIn(() =>
            {
                place.SetValue(owner, bias);
                onDisposing();
                bias?.Dispose();
            })
        );
        return () => place.SetValue(owner, bias);
    }

    /// <summary>
    /// A registry that lists the same entries but finds none by name, and reports when an entry is about to be added.
    /// </summary>
    public static OrderedDict<string, T> Watched<T>(OrderedDict<string, T> real, Action onAdding)
    {
        var registry = new OrderedDict<string, T>();
        foreach (var (name, value) in (IList<(string, T)>)real)
            registry.Add(name, value);
        var index = typeof(T) == typeof(Parameter) ? Index : BufferIndex;
        index!.SetValue(registry, new Dictionary<string, T>(new Watch(onAdding)));
        return registry;
    }

    /// <summary>A stand-in for the bias, without data, that reports when it is disposed.</summary>
    private sealed class BiasStandIn : Parameter
    {
        private readonly Action? _onDisposing;

        public BiasStandIn(Action onDisposing)
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

    /// <summary>
    /// Reports a write: a dictionary calls its comparer, and nothing else that can be replaced, when it is written to.
    /// </summary>
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

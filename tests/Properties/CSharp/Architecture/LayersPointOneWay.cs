using Parametrize.CSharp;
using Xunit;

namespace Properties.CSharp.Architecture;

/// <summary>Each namespace of the facade is a layer, which knows nothing of those above it.</summary>
public class LayersPointOneWay
{
    private const string Root = "Parametrize.CSharp";

    /// <summary>From the lowest; those of one row do not know one another, but for what is named below.</summary>
    private static readonly string[][] Layers =
    [
        ["Torch"],
        ["Threads", "Joint", "Values"],
        ["Grouping"],
        ["Binding"],
        ["Lists"],
        [nameof(ParametrizedTensor)],
        ["Registration"],
        ["Models", "Reports", "Optimizers", "Prune", "State", "Bayes"],
        [nameof(parametrize), nameof(Safetensors)],
        [nameof(prune), "Adapters", "Saved"],
        [nameof(peft)],
    ];

    /// <summary>Public types whose layer is not the one of their namespace.</summary>
    private static readonly Dictionary<Type, string> Elsewhere = new()
    {
        [typeof(ParametrizedTensor)] = nameof(ParametrizedTensor),
        [typeof(CachedScope)] = "Binding",
        [typeof(parametrize)] = nameof(parametrize),
        [typeof(prune)] = nameof(prune),
        [typeof(Safetensors)] = nameof(Safetensors),
        [typeof(SavedModel)] = "Saved",
        [typeof(SavedTensor)] = "Saved",
        [typeof(LoraConfig)] = "Adapters",
        [typeof(MergedAdapters)] = "Adapters",
        [typeof(MergedTensor)] = "Adapters",
        [typeof(peft)] = nameof(peft),
    };

    private static readonly (string From, string To, string Reason)[] Exceptions =
    [
        (
            "ParametrizedTensor",
            "Bases",
            "MoveBase is the verb for one tensor of what an optimizer's bases are moved by"
        ),
    ];

    private const int Few = 4;

    private static readonly (string Types, string Reason)[] Justified =
    [
        (
            "CachedScope ExternalWrite IComputedTensor ModuleBinding PassHooks RegisteredTensors SlotBinding TensorBinding ValueCache",
            "a tensor knows its modules, they their slots, and what happens to a slot comes back to the tensor"
        ),
        (
            "AccessRequest Lease Leases TensorAccess Visit Visitor",
            "who waits for whom is found by following requests, visits and threads"
        ),
    ];

    private static string? LayerOf(Type type) =>
        Elsewhere.TryGetValue(type, out var layer) ? layer
        : type.Namespace is { } space && space.StartsWith($"{Root}.", StringComparison.Ordinal)
            ? space[(Root.Length + 1)..]
        : null;

    private static int HeightOf(string layer) => Array.FindIndex(Layers, row => row.Contains(layer));

    private static readonly Type[] Types =
    [
        .. typeof(ParametrizedTensor)
            .Assembly.GetTypes()
            .Where(type => type.DeclaringType is null && LayerOf(type) is not null),
    ];

    [Fact]
    public void Every_namespace_is_a_layer() =>
        Assert.All(Types, type => Assert.True(HeightOf(LayerOf(type)!) >= 0, type.FullName));

    [Fact]
    public void No_arrow_goes_up()
    {
        var upward = (
            from type in Types
            from other in References.Of(type, type.Assembly)
            where LayerOf(other) is not null
            let here = LayerOf(type)!
            let there = LayerOf(other)!
            where here != there && HeightOf(there) >= HeightOf(here)
            select (From: type.Name, To: other.Name)
        ).ToList();
        Assert.Equal(Exceptions.Select(exempt => (exempt.From, exempt.To)).Order(), upward.Order());
    }

    [Fact]
    public void Circles_are_small()
    {
        var arrows = Types.ToDictionary(
            type => type,
            type => References.Of(type, type.Assembly).Where(Types.Contains).ToHashSet()
        );
        var circles = Types
            .Select(type =>
                Types.Where(other => Reaches(type, other) && Reaches(other, type)).Select(other => other.Name).ToArray()
            )
            .Where(names => names.Length > Few)
            .Select(names => string.Join(" ", names.Order(StringComparer.Ordinal)))
            .Distinct();
        Assert.Equal(Justified.Select(circle => circle.Types).Order(), circles.Order());

        bool Reaches(Type from, Type to)
        {
            var (seen, left) = (new HashSet<Type>(), new Stack<Type>([from]));
            while (left.TryPop(out var type))
                foreach (var next in arrows[type])
                    if (next == to)
                        return true;
                    else if (seen.Add(next))
                        left.Push(next);
            return false;
        }
    }
}

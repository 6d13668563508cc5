using System.Collections;
using System.Reflection;

namespace Parametrize.CSharp.Torch;

/// <summary>Where a managed module holds a tensor or a module: a field, or an element of what is in the field.</summary>
/// <param name="Field">The field.</param>
/// <param name="Type">The declared type of the field or of its elements.</param>
/// <param name="Get">Gets the present object.</param>
/// <param name="Set">Puts another object there; null when the place cannot be written.</param>
internal sealed record FieldPlace(
    FieldInfo Field,
    Type Type,
    Func<nn.Module, object?> Get,
    Action<nn.Module, object>? Set = null
)
{
    /// <summary>Whether the field itself holds the object, not an element of a collection in the field.</summary>
    public bool IsField { get; private init; }

    /// <summary>All places of a tensor or a module in a module, the most derived class first.</summary>
    public static FieldPlace[] Of<T>(nn.Module owner, T held)
        where T : class =>
        [
            .. ModuleInternals
                .FieldsOf(owner)
                .SelectMany(field => In<T>(field, owner))
                .Where(place => ReferenceEquals(place.Get(owner), held)),
        ];

    private static IEnumerable<FieldPlace> In<T>(FieldInfo field, nn.Module owner)
        where T : class
    {
        // A field of type object counts, too, if it holds such an object.
        if (
            typeof(T).IsAssignableFrom(field.FieldType)
            || field.FieldType.IsAssignableFrom(typeof(T)) && field.GetValue(owner) is T
        )
            return [new(field, field.FieldType, field.GetValue, field.SetValue) { IsField = true }];
        return field.FieldType.IsPrimitive
            ? []
            : field.GetValue(owner) switch
            {
                ITuple tuple => Items<T>(field, tuple),
                // A module is also a collection of what it registers.
                nn.Module => [],
                IDictionary { IsReadOnly: false, Values: IEnumerable<T> values } entries => Entries(
                    field,
                    entries,
                    values
                ),
                IList { IsReadOnly: false } list and IEnumerable<T> elements => Elements(field, list, elements),
                IList<(string, Parameter)> { IsReadOnly: false } pairs => Pairs(field, pairs.Count),
                var others => Inside<T>(others, 3).Select(item => new FieldPlace(field, typeof(void), _ => item)),
            };
    }

    /// <summary>
    /// The objects in a collection that cannot be changed, or in a collection of collections. They are found only to be refused.
    /// </summary>
    private static IReadOnlyList<T> Inside<T>(object? container, int depth)
        where T : class
    {
        var elements = container switch
        {
            nn.Module => null,
            IDictionary entries => entries.Values,
            ICollection or IReadOnlyCollection<T> when MayHold(container.GetType()) => (IEnumerable)container,
            ITuple tuple => Enumerable.Range(0, tuple.Length).Select(index => tuple[index]),
            _ => null,
        };
        if (elements is null || depth == 0)
            return [];
        try
        {
            return
            [
                .. elements
                    .Cast<object?>()
                    .SelectMany(element => element is T found ? [found] : Inside<T>(element, depth - 1)),
            ];
        }
        catch (InvalidOperationException)
        {
            return []; // A default ImmutableArray refuses to be asked.
        }
    }

    /// <summary>Long lists of numbers and texts are not searched.</summary>
    private static bool MayHold(Type collection) =>
        (collection.GetElementType() ?? collection.GetGenericArguments().FirstOrDefault())
            is not ({ IsPrimitive: true } or { FullName: "System.String" });

    private static IEnumerable<FieldPlace> Elements(FieldInfo field, IList list, IEnumerable elements) =>
        from index in Enumerable.Range(0, list.Count)
        select new FieldPlace(
            field,
            ElementType(elements),
            owner => field.GetValue(owner) is IList now && index < now.Count ? now[index] : null,
            (owner, held) =>
            {
                var now = (IList)field.GetValue(owner)!;
                now[InRange(index, now.Count, owner)] = held;
            }
        );

    private static IEnumerable<FieldPlace> Entries(FieldInfo field, IDictionary entries, IEnumerable values) =>
        from key in entries.Keys.Cast<object>()
        select new FieldPlace(
            field,
            ElementType(values),
            owner => (field.GetValue(owner) as IDictionary)?[key],
            (owner, held) => ((IDictionary)field.GetValue(owner)!)[key] = held
        );

    /// <summary>
    /// The places in a list of pairs: that of a ParameterDict, which has its parameters in a dictionary as well, or of an
    /// OrderedDict.
    /// </summary>
    private static IEnumerable<FieldPlace> Pairs(FieldInfo field, int count) =>
        from index in Enumerable.Range(0, count)
        select new FieldPlace(
            field,
            typeof(Parameter),
            owner =>
                field.GetValue(owner) is IList<(string, Parameter)> now && index < now.Count ? now[index].Item2 : null,
            (owner, held) =>
            {
                var now = (IList<(string, Parameter)>)field.GetValue(owner)!;
                var here = InRange(index, now.Count, owner);
                now[here] = (now[here].Item1, (Parameter)held);
            }
        );

    private static int InRange(int index, int count, nn.Module owner) =>
        index < count
            ? index
            : throw new InvalidOperationException(
                $"{owner.Title()} has {count} elements, and element {index} is parametrized. Put an element there again; to "
                    + "take it out, remove its parametrization first."
            );

    private static IEnumerable<FieldPlace> Items<T>(FieldInfo field, ITuple tuple) =>
        from item in tuple.GetType().GetFields(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic)
        where typeof(T).IsAssignableFrom(item.FieldType)
        select new FieldPlace(
            field,
            item.FieldType,
            owner => field.GetValue(owner) is { } now ? item.GetValue(now) : null,
            (owner, held) =>
            {
                var now = field.GetValue(owner)!;
                item.SetValue(now, held);
                field.SetValue(owner, now); // A value tuple was a copy.
            }
        );

    private static Type ElementType(IEnumerable elements) =>
        elements
            .GetType()
            .GetInterfaces()
            .First(type => type.IsGenericType && type.GetGenericTypeDefinition() == typeof(IEnumerable<>))
            .GetGenericArguments()[0];
}

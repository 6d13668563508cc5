using System.Collections;
using System.Reflection;
using System.Runtime.CompilerServices;
using static TorchSharp.torch;

namespace Parametrize.CSharp.Binding;

/// <summary>Where a managed module holds a tensor: a field, or an element of what is in the field.</summary>
/// <param name="Field">The field.</param>
/// <param name="Type">What it or its elements are declared as.</param>
/// <param name="Get">What is there now.</param>
/// <param name="Set">Puts another tensor there; null where that cannot be.</param>
internal sealed record FieldPlace(
    FieldInfo Field,
    Type Type,
    Func<nn.Module, object?> Get,
    Action<nn.Module, Tensor>? Set = null
)
{
    /// <summary>All places of a tensor in a module, the most derived class first.</summary>
    public static FieldPlace[] Of(nn.Module owner, Tensor tensor) =>
        [
            .. ModuleInternals
                .FieldsOf(owner)
                .SelectMany(field => In(field, owner))
                .Where(place => ReferenceEquals(place.Get(owner), tensor)),
        ];

    private static IEnumerable<FieldPlace> In(FieldInfo field, nn.Module owner)
    {
        if (typeof(Tensor).IsAssignableFrom(field.FieldType))
            return [new(field, field.FieldType, field.GetValue, field.SetValue)];
        return field.FieldType.IsPrimitive
            ? []
            : field.GetValue(owner) switch
            {
                ITuple tuple => Items(field, tuple),
                // A module is also a collection of what it registers; a default ImmutableArray refuses to be asked.
                nn.Module or ValueType => [],
                IDictionary { IsReadOnly: false, Values: IEnumerable<Tensor> values } entries => Entries(
                    field,
                    entries,
                    values
                ),
                IList { IsReadOnly: false } list and IEnumerable<Tensor> elements => Elements(field, list, elements),
                IReadOnlyCollection<Tensor> others => others.Select(one => new FieldPlace(
                    field,
                    typeof(void),
                    _ => one
                )),
                _ => [],
            };
    }

    private static IEnumerable<FieldPlace> Elements(FieldInfo field, IList list, IEnumerable<Tensor> elements) =>
        from index in Enumerable.Range(0, list.Count)
        select new FieldPlace(
            field,
            ElementType(elements),
            owner => field.GetValue(owner) is IList now && index < now.Count ? now[index] : null,
            (owner, tensor) => ((IList)field.GetValue(owner)!)[index] = tensor
        );

    private static IEnumerable<FieldPlace> Entries(FieldInfo field, IDictionary entries, IEnumerable<Tensor> values) =>
        from key in entries.Keys.Cast<object>()
        select new FieldPlace(
            field,
            ElementType(values),
            owner => (field.GetValue(owner) as IDictionary)?[key],
            (owner, tensor) => ((IDictionary)field.GetValue(owner)!)[key] = tensor
        );

    private static IEnumerable<FieldPlace> Items(FieldInfo field, ITuple tuple) =>
        from item in tuple.GetType().GetFields(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic)
        where typeof(Tensor).IsAssignableFrom(item.FieldType)
        select new FieldPlace(
            field,
            item.FieldType,
            owner => field.GetValue(owner) is { } now ? item.GetValue(now) : null,
            (owner, tensor) =>
            {
                var now = field.GetValue(owner)!;
                item.SetValue(now, tensor);
                field.SetValue(owner, now); // A value tuple was a copy.
            }
        );

    private static Type ElementType(IEnumerable<Tensor> elements) =>
        elements
            .GetType()
            .GetInterfaces()
            .First(one => one.IsGenericType && one.GetGenericTypeDefinition() == typeof(IEnumerable<>))
            .GetGenericArguments()[0];
}

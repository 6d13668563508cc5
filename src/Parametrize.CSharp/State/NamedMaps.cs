namespace Parametrize.CSharp.State;

/// <summary>The maps that the caller has given, by plain key or by a pattern with * and ?.</summary>
internal sealed class NamedMaps
{
    private readonly IReadOnlyDictionary<string, Parametrization> _maps;

    public NamedMaps(IReadOnlyDictionary<string, Parametrization>? maps)
    {
        _maps = maps ?? new Dictionary<string, Parametrization>();
        foreach (var (name, map) in _maps)
            if (map is null)
                throw new ArgumentException(
                    $"parametrizations['{name}'] is null. Remove the key, or give it a parametrization.",
                    "parametrizations"
                );
    }

    /// <summary>The map for a key, or null. A map under the key itself is preferred to one under a pattern.</summary>
    public Parametrization? MapOf(string key) =>
        _maps.GetValueOrDefault(key)
        ?? Patterns.ValueOf(_maps.Select(map => (map.Key, map.Value)), [key], "maps", "parametrizations");

    /// <summary>A message for each map whose name matches no tensor of the state, parametrized or plain.</summary>
    public IEnumerable<string> Unused(StateSource source)
    {
        if (_maps.Count == 0)
            yield break;
        var computed = source.ComputedKeys.ToList();
        var all = computed.Concat(source.PlainKeys).ToHashSet();
        foreach (var name in _maps.Keys)
            if (!all.Contains(name) && !all.Any(key => Patterns.Match(name, key)))
                yield return $"parametrizations: '{name}' names no tensor of the state. "
                    + (
                        computed.Count == 0
                            ? "None of it is computed from others."
                            : $"Those that are computed from others: {string.Join(", ", computed)}."
                    );
    }
}

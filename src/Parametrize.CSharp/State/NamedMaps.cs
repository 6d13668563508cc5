using System.IO.Enumeration;

namespace Parametrize.CSharp.State;

/// <summary>Maps that a caller has named, by plain key or by a pattern with * and ?.</summary>
internal static class NamedMaps
{
    /// <summary>The map for a key, or null; its own name counts more than a pattern.</summary>
    public static Parametrization? MapOf(IReadOnlyDictionary<string, Parametrization> maps, string key)
    {
        if (maps.TryGetValue(key, out var named))
            return named;
        var matching = maps.Where(map => FileSystemName.MatchesSimpleExpression(map.Key, key, ignoreCase: false))
            .ToList();
        if (matching.Select(map => map.Value).Distinct().Count() > 1)
            throw new ArgumentException(
                $"'{key}' has several maps: {string.Join(", ", matching.Select(map => $"{map.Key}: {map.Value}"))}.",
                "parametrizations"
            );
        return matching.Count == 0 ? null : matching[0].Value;
    }
}

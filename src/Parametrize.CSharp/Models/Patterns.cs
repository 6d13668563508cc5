using System.IO.Enumeration;

namespace Parametrize.CSharp;

/// <summary>What a caller has given for tensors of a model by patterns with * and ?.</summary>
internal static class Patterns
{
    public static bool Match(string pattern, string name) =>
        FileSystemName.MatchesSimpleExpression(pattern, name, ignoreCase: false);

    /// <summary>The value on which all patterns agree that match one of a tensor's names; null when no pattern matches.</summary>
    /// <param name="kind">A word for several of them in the message: `priors`.</param>
    /// <param name="argument">The name of the argument in which they were given.</param>
    /// <exception cref="ArgumentException">The patterns do not agree.</exception>
    public static T? ValueOf<T>(
        IEnumerable<(string Pattern, T Value)> patterns,
        IReadOnlyList<string> names,
        string kind,
        string argument
    )
        where T : class
    {
        var matching = patterns.Where(entry => names.Any(name => Match(entry.Pattern, name))).ToList();
        return matching.Select(match => match.Value).Distinct().Count() < 2
            ? matching.FirstOrDefault().Value
            : throw new ArgumentException(
                $"{names[0]} has several {kind}: {string.Join(", ", matching.Select(match => $"{match.Pattern}: {match.Value}"))}. "
                    + "Name it, or let one pattern match it.",
                argument
            );
    }
}

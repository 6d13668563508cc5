using System.IO.Enumeration;
using Parametrize.CSharp.Torch;
using static TorchSharp.torch;

namespace Parametrize.CSharp.Bayes;

/// <summary>Assigns priors to tensors of a model, by the names and patterns that a user gives.</summary>
internal static class ChosenPriors
{
    /// <summary>Priors by name. A prior under a tensor's own name is preferred to one under a pattern, as for states.</summary>
    public static IEnumerable<(PriorTarget Target, Prior Prior)> ByName(
        nn.Module model,
        IReadOnlyList<(string Name, Prior Prior)> priors
    )
    {
        var targets = PriorTarget.Of(model);
        var patterns = new List<(string Name, Prior Prior)>();
        var chosen = new OrderedDictionary<PriorTarget, Prior>();
        foreach (var (name, prior) in priors)
        {
            ArgumentNullException.ThrowIfNull(name);
            ArgumentNullException.ThrowIfNull(prior);
            if (name.AsSpan().ContainsAny('*', '?'))
                patterns.Add((name, prior));
            else
                Choose(targets.FirstOrDefault(one => one.Names.Contains(name)) ?? throw Missing(name), prior);
        }
        foreach (var (pattern, _) in patterns)
            if (!targets.Any(one => IsMetBy(pattern, one)))
                throw Missing(pattern);
        return
        [
            .. chosen.Select(one => (one.Key, one.Value)),
            .. from target in targets
            where !chosen.ContainsKey(target)
            let prior = PriorOf(target, patterns)
            where prior is not null
            select (target, prior),
        ];

        // It may have several names.
        void Choose(PriorTarget target, Prior prior)
        {
            if (!chosen.TryAdd(target, prior) && !chosen[target].Equals(prior))
                throw new ArgumentException(
                    $"{target.Name} has two priors: {chosen[target]} and {prior}. Name each tensor once.",
                    nameof(priors)
                );
        }

        ArgumentException Missing(string name) =>
            new($"There is no tensor {name} in {model.Title()}. It has: {Names(model)}.", nameof(priors));
    }

    /// <summary>Priors by a function, which is called once for each tensor, with its first name.</summary>
    public static IEnumerable<(PriorTarget Target, Prior Prior)> ByFunction(
        nn.Module model,
        Func<string, Prior?> priorOf
    ) =>
        from target in PriorTarget.Of(model)
        let prior = priorOf(target.Name)
        where prior is not null
        select (target, prior);

    /// <summary>One prior for all tensors that lie in its space.</summary>
    public static IEnumerable<(PriorTarget Target, Prior Prior)> BySpace(nn.Module model, Prior prior) =>
        from target in PriorTarget.Of(model)
        where target.IsOn(prior)
        select (target, prior);

    /// <summary>The names of all tensors, for messages.</summary>
    public static string Names(nn.Module model) =>
        PriorTarget.Of(model) is { Count: > 0 } targets
            ? string.Join(", ", targets.SelectMany(one => one.Names))
            : "none";

    private static bool IsMetBy(string pattern, PriorTarget target) =>
        target.Names.Any(name => FileSystemName.MatchesSimpleExpression(pattern, name, ignoreCase: false));

    private static Prior? PriorOf(PriorTarget target, List<(string Name, Prior Prior)> patterns)
    {
        var matching = patterns.Where(one => IsMetBy(one.Name, target)).ToList();
        if (matching.Select(one => one.Prior).Distinct().Count() > 1)
            throw new ArgumentException(
                $"{target.Name} has several priors: {string.Join(", ", matching.Select(one => $"{one.Name}: {one.Prior}"))}. "
                    + "Name it, or let one pattern meet it."
            );
        return matching.Count == 0 ? null : matching[0].Prior;
    }
}

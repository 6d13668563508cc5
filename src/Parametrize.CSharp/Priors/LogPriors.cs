using Parametrize.CSharp.Registration;

namespace Parametrize.CSharp.Bayes;

/// <summary>
/// The sum of the log densities of tensors of a model, chosen by name, by a function or by space. A prior that does not suit its
/// tensor throws before any density is computed.
/// </summary>
internal static class LogPriors
{
    /// <summary>By names and patterns. A prior under a tensor's own name is preferred to one under a pattern, as for states.</summary>
    public static Tensor ByName(nn.Module model, IReadOnlyList<(string Name, Prior Prior)> priors, bool byParameters)
    {
        var targets = Targets(model);
        var patterns = new List<(string Name, Prior Prior)>();
        var chosen = new OrderedDictionary<Target, Prior>();
        foreach (var (name, prior) in priors)
        {
            ArgumentNullException.ThrowIfNull(name);
            ArgumentNullException.ThrowIfNull(prior);
            if (name.AsSpan().ContainsAny('*', '?'))
                patterns.Add((name, prior));
            else
                Choose(targets.Find(target => target.Names.Contains(name)) ?? throw Missing(name), prior);
        }
        foreach (var (pattern, _) in patterns)
            if (!targets.Exists(target => target.Names.Any(name => Patterns.Match(pattern, name))))
                throw Missing(pattern);
        return Sum(
            [
                .. chosen.Select(pair => (pair.Key, pair.Value)),
                .. from target in targets
                where !chosen.ContainsKey(target)
                let prior = Patterns.ValueOf(patterns, target.Names, "priors", nameof(priors))
                where prior is not null
                select (target, prior),
            ],
            byParameters,
            "At least one prior was expected, but none was given."
        );

        // Throws for two different priors: they may be given under several names of one tensor.
        void Choose(Target target, Prior prior)
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

    /// <summary>By a function, which is called once for each tensor, with its first name.</summary>
    public static Tensor ByFunction(nn.Module model, Func<string, Prior?> priorOf, bool byParameters) =>
        Sum(
            from target in Targets(model)
            let prior = priorOf(target.Name)
            where prior is not null
            select (target, prior),
            byParameters,
            $"The function has no prior for any tensor of {model.Title()}. It has: {Names(model)}."
        );

    /// <summary>One prior for all tensors that lie in its space.</summary>
    public static Tensor BySpace(nn.Module model, Prior prior, bool byParameters) =>
        Sum(
            from target in Targets(model)
            where target.IsOn(prior)
            select (target, prior),
            byParameters,
            $"No tensor of {model.Title()} lies in the space of {prior}: {Brief.ofName(prior.Space.Name)}. Register a value of that space, such as {Needed(prior)}."
        );

    private static Tensor Sum(IEnumerable<(Target Target, Prior Prior)> chosen, bool byParameters, string whenNone)
    {
        var terms = chosen.ToList();
        if (terms.Count == 0)
            throw new ArgumentException(whenNone);
        var faults = terms
            .Select(term => (term.Target.Name, Fault: term.Target.Fault(term.Prior, byParameters)))
            .Where(entry => entry.Fault is not null)
            .Select(entry => $"{entry.Name}: {entry.Fault}")
            .ToList();
        if (faults.Count > 0)
            throw new ArgumentException(string.Join("\n", faults));
        using var scope = NewDisposeScope();
        var sum = terms[0].Target.Density(terms[0].Prior, byParameters);
        foreach (var (target, prior) in terms.Skip(1))
            sum = Scalars.Plus(sum, target.Density(prior, byParameters).to(sum.device));
        return sum.MoveToOuterDisposeScope();
    }

    private static string Needed(Prior prior) => ParametrizationText.ToCSharp(prior.Density.Support);

    private static string Names(nn.Module model) =>
        Targets(model) is { Count: > 0 } targets
            ? string.Join(", ", targets.SelectMany(target => target.Names))
            : "none";

    /// <summary>The tensors of a model, each once: the parametrized ones, and its other parameters.</summary>
    private static List<Target> Targets(nn.Module model) =>
        [
            .. from entry in ModelTree.AllNames(model)
            group entry.Name by entry.Tensor into names
            select new Target([.. names], names.Key, null),
            .. from module in ModelTree.Modules(model, registering: true)
            from own in module.Module.named_parameters(recurse: false)
            where !own.parameter.IsInvalid && TensorPath.Find(module.Module, own.name) is null
            group (Name: ModelTree.Join(module.Name, own.name), own.parameter) by NativeTensors.Identity(
                own.parameter
            ) into entries
            select new Target([.. entries.Select(entry => entry.Name)], null, entries.First().parameter),
        ];

    /// <summary>A tensor of a model that can have a prior.</summary>
    /// <param name="Names">All of its names: tied modules have one each.</param>
    /// <param name="Parametrized">The parametrized tensor, or null.</param>
    /// <param name="Plain">The parameter, where it is not parametrized.</param>
    private sealed record Target(IReadOnlyList<string> Names, ParametrizedTensor? Parametrized, Tensor? Plain)
    {
        public string Name => Names[0];

        private Parts Parts => Core.ofTensors([Plain!], [], Core.identity);

        public bool IsOn(Prior prior) => Parametrized?.IsOn(prior) ?? PriorModule.isOn(prior, Core.identity);

        public string? Fault(Prior prior, bool byParameters)
        {
            if (Parametrized is not null)
                return Parametrized.PriorFault(prior, byParameters);
            return IsOn(prior)
                ? PriorModule.faultOfParts(byParameters, prior, Core.identity, Parts)?.Value
                : $"{prior} is a density of {Brief.ofName(prior.Space.Name)}, but the tensor is not parametrized: register {Needed(prior)} on it first.";
        }

        public Tensor Density(Prior prior, bool byParameters) =>
            Parametrized is not null
                ? Parametrized.LogPriorUnchecked(prior, byParameters)
                : PriorModule.ofPresent(byParameters, prior, Core.identity, Parts, () => Plain!);
    }
}

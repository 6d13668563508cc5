using Parametrize.CSharp.Torch;
using static TorchSharp.torch;
using Core = Parametrize.ParametrizationModule;

namespace Parametrize.CSharp.Bayes;

/// <summary>
/// The sum of the log densities of tensors of a model. A prior that does not suit its tensor throws before any density is computed.
/// </summary>
internal static class LogPriors
{
    /// <summary>The sum for the tensors that are named, or matched by patterns.</summary>
    public static Tensor OfNamed(
        nn.Module model,
        IReadOnlyList<(string Name, Prior Prior)> priors,
        bool byParameters
    ) => Sum(ChosenPriors.ByName(model, priors), byParameters, "At least one prior was expected, but none was given.");

    /// <summary>The sum for the tensors for which a function returns a prior.</summary>
    public static Tensor OfPicked(nn.Module model, Func<string, Prior?> priorOf, bool byParameters) =>
        Sum(
            ChosenPriors.ByFunction(model, priorOf),
            byParameters,
            $"The function has no prior for any tensor of {model.Title()}. It has: {ChosenPriors.Names(model)}."
        );

    /// <summary>The sum for the tensors that lie in the space of the prior.</summary>
    public static Tensor OfSuiting(nn.Module model, Prior prior, bool byParameters) =>
        Sum(
            ChosenPriors.BySpace(model, prior),
            byParameters,
            $"No tensor of {model.Title()} lies in the space of {prior}: {Brief.ofName(prior.Space.Name)}. Register a value of that space, such as {Needed(prior)}."
        );

    private static string Needed(Prior prior) => ParametrizationText.ToCSharp(prior.Density.Support);

    private static Tensor Sum(IEnumerable<(PriorTarget Target, Prior Prior)> chosen, bool byParameters, string whenNone)
    {
        var terms = chosen.ToList();
        if (terms.Count == 0)
            throw new ArgumentException(whenNone);
        var faults = terms
            .Select(term => (term.Target.Name, Fault: Fault(term.Target, term.Prior, byParameters)))
            .Where(one => one.Fault is not null)
            .Select(one => $"{one.Name}: {one.Fault}")
            .ToList();
        if (faults.Count > 0)
            throw new ArgumentException(string.Join("\n", faults));
        using var scope = NewDisposeScope();
        var sum = Density(terms[0].Target, terms[0].Prior, byParameters);
        foreach (var (target, prior) in terms.Skip(1))
            sum += Density(target, prior, byParameters).to(sum.device);
        return sum.MoveToOuterDisposeScope();
    }

    private static string? Fault(PriorTarget target, Prior prior, bool byParameters)
    {
        if (target.Tensor is { } tensor)
            return tensor.PriorFault(prior, byParameters);
        return target.IsOn(prior)
            ? PriorModule.faultOfParts(byParameters, prior, Core.identity, PartsOf(target))?.Value
            : $"{prior} is a density of {Brief.ofName(prior.Space.Name)}, but the tensor is not parametrized: register {Needed(prior)} on it first.";
    }

    private static Tensor Density(PriorTarget target, Prior prior, bool byParameters) =>
        target.Tensor is { } tensor
            ? tensor.LogPriorUnchecked(prior, byParameters)
            : PriorModule.ofPresent(byParameters, prior, Core.identity, PartsOf(target), () => target.Plain!);

    private static Parts PartsOf(PriorTarget target) => Core.ofTensors([target.Plain!], [], Core.identity);
}

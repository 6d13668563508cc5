using Parametrize.CSharp.Registration;
using Parametrize.CSharp.Torch;
using static TorchSharp.torch;
using Core = Parametrize.ParametrizationModule;

namespace Parametrize.CSharp.Bayes;

/// <summary>The sum of the log densities of tensors of a model. What does not suit is refused before any is computed.</summary>
internal static class LogPriors
{
    /// <summary>Of these tensors, parametrized or parameters of the model.</summary>
    public static Tensor OfNamed(nn.Module model, IEnumerable<(string Name, Prior Prior)> priors, bool byParameters) =>
        Sum([.. priors.Select(one => Named(model, one.Name, one.Prior))], byParameters);

    /// <summary>Of the parametrized tensors for which a function has a prior.</summary>
    public static Tensor OfPicked(nn.Module model, Func<string, Prior?> priorOf, bool byParameters) =>
        Sum(
            [
                .. from entry in ModelTree.Tensors(model)
                let prior = priorOf(entry.Name)
                where prior is not null
                select new Term(entry.Name, prior, entry.Tensor, null),
            ],
            byParameters
        );

    /// <summary>Of the parametrized tensors that lie in the space of the prior.</summary>
    public static Tensor OfSuiting(nn.Module model, Prior prior, bool byParameters) =>
        Sum(
            [
                .. from entry in ModelTree.Tensors(model)
                where entry.Tensor.IsOn(prior)
                select new Term(entry.Name, prior, entry.Tensor, null),
            ],
            byParameters,
            whenNone: $"No parametrized tensor of {model.Title()} yields {prior.Space}."
        );

    private static Term Named(nn.Module model, string name, Prior prior)
    {
        ArgumentNullException.ThrowIfNull(prior);
        if (TensorPath.Find(model, name) is { } tensor)
            return new(name, prior, tensor, null);
        return model.named_parameters().FirstOrDefault(own => own.name == name).parameter is { } plain
            ? new(name, prior, null, plain)
            : throw TensorPath.NotParametrized(model, name);
    }

    private static Tensor Sum(
        IReadOnlyList<Term> terms,
        bool byParameters,
        string whenNone = "There is no prior to sum: give one at least."
    )
    {
        if (terms.Count == 0)
            throw new ArgumentException(whenNone);
        var faults = terms
            .Select(term => (term.Name, Fault: term.Fault(byParameters)))
            .Where(one => one.Fault is not null)
            .Select(one => $"{one.Name}: {one.Fault}")
            .ToList();
        if (faults.Count > 0)
            throw new ArgumentException(string.Join("\n", faults));
        using var scope = NewDisposeScope();
        var sum = terms[0].Compute(byParameters);
        foreach (var term in terms.Skip(1))
            sum += term.Compute(byParameters).to(sum.device);
        return sum.MoveToOuterDisposeScope();
    }

    /// <summary>A tensor and its prior.</summary>
    private sealed record Term(string Name, Prior Prior, ParametrizedTensor? Tensor, Tensor? Plain)
    {
        public string? Fault(bool byParameters) =>
            Tensor is not null
                ? Tensor.PriorFault(Prior, byParameters)
                : PriorModule.faultOfParts(byParameters, Prior, Core.identity, PlainParts())?.Value;

        public Tensor Compute(bool byParameters) =>
            Tensor is not null
                ? Tensor.LogPriorUnchecked(Prior, byParameters)
                : PriorModule.ofPresent(byParameters, Prior, Core.identity, PlainParts(), () => Plain!);

        private Parts PlainParts() => Core.ofTensors([Plain!], [], Core.identity);
    }
}

using Parametrize.CSharp.Prune;
using Parametrize.CSharp.Registration;

namespace Parametrize.CSharp;

/// <content>Pruning several tensors as if they were one.</content>
public static partial class prune
{
    /// <summary>
    /// Prunes the entries of smallest modulus of several tensors together. All tensors together lose the amount; single tensors
    /// lose different shares.
    /// </summary>
    /// <param name="parameters">Modules and names of their tensors. A tensor that they share counts once.</param>
    /// <param name="amount">A share or a number of all entries that are left.</param>
    /// <param name="importance_scores">
    /// For each tensor a tensor of the same shape, whose moduli are ranked in place of its own. Default: none.
    /// </param>
    /// <exception cref="ArgumentException">
    /// There are no tensors, one is listed twice, or the amount or the scores are invalid.
    /// </exception>
    /// <exception cref="ParametrizationException">A tensor does not suit; nothing has changed.</exception>
    public static void global_unstructured(
        IEnumerable<(nn.Module module, string name)> parameters,
        Amount amount,
        IReadOnlyDictionary<(nn.Module module, string name), Tensor>? importance_scores = null
    )
    {
        ArgumentNullException.ThrowIfNull(amount);
        global_unstructured(parameters, Pruning.NewL1(amount), importance_scores);
    }

    /// <summary>Prunes several tensors together by a method that picks entries.</summary>
    /// <inheritdoc cref="global_unstructured(IEnumerable{ValueTuple{nn.Module, string}}, Amount, IReadOnlyDictionary{ValueTuple{nn.Module, string}, Tensor})"/>
    /// <param name="pruning_method">
    /// `Pruning.L1`, `Random` or `Bernoulli`; methods that choose channels or groups are refused.
    /// </param>
    /// <exception cref="ArgumentException">
    /// There are no tensors, one is listed twice, or the method or the scores are invalid.
    /// </exception>
    public static void global_unstructured(
        IEnumerable<(nn.Module module, string name)> parameters,
        Pruning pruning_method,
        IReadOnlyDictionary<(nn.Module module, string name), Tensor>? importance_scores = null
    )
    {
        ArgumentNullException.ThrowIfNull(parameters);
        ArgumentNullException.ThrowIfNull(pruning_method);
        if (!PruningRules.isOfEntries(pruning_method))
            throw new ArgumentException(
                $"{pruning_method} does not choose single entries. Global pruning ranks single entries of all tensors: use "
                    + "Pruning.NewL1, NewRandom or NewBernoulli.",
                nameof(pruning_method)
            );
        PruningTarget.PruneTogether(Targets(parameters, importance_scores), pruning_method);
    }

    private static List<PruningTarget> Targets(
        IEnumerable<(nn.Module module, string name)> parameters,
        IReadOnlyDictionary<(nn.Module module, string name), Tensor>? importance_scores
    )
    {
        var named = parameters.ToList();
        var unnamed = named.FindIndex(entry => entry.module is null || entry.name is null);
        if (unnamed >= 0)
            throw new ArgumentException($"parameters[{unnamed}]: the module or the name is null.", nameof(parameters));
        var targets = named
            .Select(entry => new PruningTarget(
                entry.module,
                TensorPath.Resolve(entry.module, entry.name),
                importance_scores?.GetValueOrDefault(entry)
            ))
            .ToList();
        if (targets.Count == 0)
            throw new ArgumentException("`parameters` is empty: pass at least one (module, name).", nameof(parameters));
        if (targets.GroupBy(target => target.Path.Place).FirstOrDefault(places => places.Count() > 1) is { } twice)
            throw new ArgumentException(
                $"{twice.First().Path} is listed twice in `parameters`. List each tensor once.",
                nameof(parameters)
            );
        if (importance_scores?.Keys.FirstOrDefault(key => !named.Contains(key)) is { module: not null } stray)
            throw new ArgumentException(
                $"There are scores for '{stray.name}', which is not pruned.",
                nameof(importance_scores)
            );
        return targets;
    }
}

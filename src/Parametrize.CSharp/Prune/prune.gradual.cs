using Parametrize.CSharp.Prune;

namespace Parametrize.CSharp;

/// <content>Pruning that PyTorch's module does not have.</content>
public static partial class prune
{
    /// <summary>Keeps the `n` entries of largest modulus of each `m` consecutive ones in the last dimension.</summary>
    /// <param name="name">A tensor whose last dimension `m` divides: the inputs of a Linear's weight.</param>
    /// <param name="n">How many of each group are kept.</param>
    /// <param name="m">The size of a group. Hardware with sparse matrices supports 2 of 4.</param>
    /// <param name="importance_scores">A tensor of the same shape, whose moduli are ranked in place of the tensor's.</param>
    /// <exception cref="ArgumentException">
    /// `n` is negative or above `m`, or `m` is below 1; or the module has no such tensor.
    /// </exception>
    /// <exception cref="ParametrizationException">`m` does not divide the last dimension.</exception>
    public static T n_m<T>(this T module, string name, int n, int m, Tensor? importance_scores = null)
        where T : nn.Module => Apply(module, name, Pruning.NewGroups(n, m), importance_scores);

    /// <summary>
    /// Prunes entries of smallest modulus until this share of all entries is pruned. Pruned entries stay pruned; if the share is
    /// reached already, nothing changes.
    /// </summary>
    /// <param name="name">The tensor: `weight`, or `encoder.weight` of a child.</param>
    /// <param name="share">A share of all entries, in [0, 1].</param>
    /// <param name="importance_scores">A tensor of the same shape, whose moduli are ranked in place of the tensor's.</param>
    /// <exception cref="ArgumentException">
    /// The share is outside [0, 1], or the scores are invalid; or the module has no such tensor.
    /// </exception>
    public static T up_to<T>(this T module, string name, double share, Tensor? importance_scores = null)
        where T : nn.Module => module.l1_unstructured(name, Amount.NewUpTo(share), importance_scores);

    /// <summary>
    /// Prunes entries of smallest modulus up to the share that a schedule has at this step. Before the schedule's first step it
    /// prunes nothing. Call it after optimizer steps. Every other verb follows with `schedule.AmountAt(step)` as its amount.
    /// </summary>
    /// <inheritdoc cref="up_to"/>
    /// <param name="schedule">Which share at which step.</param>
    /// <param name="step">The number of the training step.</param>
    /// <exception cref="ArgumentException">The module has no such tensor, or the scores are invalid.</exception>
    public static T follow<T>(
        this T module,
        string name,
        PruningSchedule schedule,
        long step,
        Tensor? importance_scores = null
    )
        where T : nn.Module
    {
        ArgumentNullException.ThrowIfNull(schedule);
        if (step >= schedule.BeginStep)
            return module.up_to(name, schedule.ShareAt(step), importance_scores);
        // Without this check, a wrong name would be an error only when the schedule begins.
        PruningTarget.ShapeOf(PathOf(module, name, importance_scores));
        return module;
    }
}

using Parametrize.CSharp.Values;

namespace Parametrize.CSharp;

/// <content>Members for pruning.</content>
public sealed partial class ParametrizedTensor
{
    /// <summary>Brings the masks in the value up to date after a state has been loaded.</summary>
    internal void FollowMasks() => Parametrization = Pruned.following(Parametrization, CurrentParts());

    internal bool IsPruned => Pruned.isPruned(Parametrization);

    /// <summary>The mask from which the next pruning goes on, in the shape of the value.</summary>
    internal Tensor? PruningMask => Pruned.lastMask(Parametrization, CurrentParts())?.Value;

    /// <summary>
    /// The parts when the last node merges with the first new one, as prunings do: the parameters stay, and the merged node goes on
    /// from the present mask. Null when the nodes do not merge.
    /// </summary>
    private Parts? ContinuedParts(
        Parametrization longer,
        Parametrization more,
        Tensor present,
        WhenNotAllowed whenNotAllowed
    )
    {
        var parts = CurrentParts();
        if (
            whenNotAllowed is WhenNotAllowed.Sample
            || Growth.tryContinue(longer, more, Parametrization, parts) is not { } result
        )
            return null;
        var continued = result.Value.OrThrow(Where);
        if (
            whenNotAllowed is not WhenNotAllowed.Refuse
            || Core.admits(longer, continued, present).ErrorOrNull() is not { } refusal
        )
            return continued;
        foreach (var tensor in continued.Tensors.Except(parts.Tensors))
            tensor.Dispose();
        throw new ParametrizationException(refusal, Where);
    }
}

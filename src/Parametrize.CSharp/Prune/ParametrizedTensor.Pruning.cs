using Microsoft.FSharp.Core;
using Parametrize.CSharp.Values;
using static TorchSharp.torch;
using Core = Parametrize.ParametrizationModule;

namespace Parametrize.CSharp;

/// <content>What pruning needs to know of a tensor.</content>
public sealed partial class ParametrizedTensor
{
    /// <summary>The value says the masks in use, after a state has brought others.</summary>
    internal void FollowMasks() => Parametrization = Pruned.following(Parametrization, CurrentParts());

    internal bool IsPruned => Pruned.isPruned(Parametrization);

    /// <summary>The mask that another pruning goes on from; of the shape of the value.</summary>
    internal Tensor? PruningMask => Pruned.lastMask(Parametrization, CurrentParts())?.Value;

    /// <summary>Whether that was chosen on a view, a kernel's matrix, so that another pruning does not know of it.</summary>
    internal bool IsPrunedOnView => !Pruned.isLast(Parametrization) && PruningMask is not null;

    internal FSharpOption<Mask>? PruningMaskOrNone() =>
        PruningMask is { } mask ? FSharpOption<Mask>.Some(Mask.OfTensor(mask)) : null;

    /// <summary>Whether the share of all that a pruning goes up to is pruned already.</summary>
    internal bool HasReached(Pruning pruning) => PruningMask is { } mask && Pruned.isReached(pruning, mask);

    /// <summary>
    /// Parts for a last node that becomes one with the first new one, as prunings do: the parameters stay, and it goes
    /// on from what it carries. Null when the nodes stay apart.
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

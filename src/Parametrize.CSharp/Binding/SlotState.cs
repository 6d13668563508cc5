using static TorchSharp.torch;

namespace Parametrize.CSharp.Binding;

/// <summary>What is in a slot: at first the placeholder, during passes and in cached scopes the value, and what others make of it.</summary>
internal enum SlotState
{
    /// <summary>The placeholder.</summary>
    Hidden,

    /// <summary>The value.</summary>
    Exposed,

    /// <summary>One of the two, into which somebody has written in place, which would be lost: the next use refuses.</summary>
    Written,

    /// <summary>One of the two, which somebody has frozen or unfrozen: the next use does so with what is computed from.</summary>
    Retrained,

    /// <summary>
    /// Nothing: a setter was given null. The next use, or query, puts the placeholder back, and the next use refuses.
    /// </summary>
    Emptied,

    /// <summary>What one of the two was before the module was moved: the next use, or query, moves the tensor.</summary>
    Moved,

    /// <summary>A tensor of a user's: the next use takes its right inverse.</summary>
    Assigned,

    /// <summary>
    /// A tensor of a user's, which was assigned before something was loaded by TorchSharp: the next use, or query, takes it out.
    /// </summary>
    Outdated,

    /// <summary>One of the two, at another place of the list that the slot is in: each use refuses until that is undone.</summary>
    Shifted,

    /// <summary>The module was disposed or collected, and nothing is put there any more.</summary>
    Released,
}

/// <summary>What was found in a module's slot, and taken out.</summary>
/// <param name="Slot">Where.</param>
/// <param name="State">What it was.</param>
/// <param name="Found">The tensor that was moved or assigned.</param>
/// <param name="HasMoved">Whether it has moved, with its module, since it was assigned.</param>
/// <param name="IsTrained">Whether somebody wants the tensor trained.</param>
/// <param name="LentAt">
/// After how many writes to the parts a state was asked for since it was assigned, where one was: TorchSharp may be about to load,
/// which is later.
/// </param>
internal readonly record struct ExternalWrite(
    SlotBinding Slot,
    SlotState State,
    Tensor? Found = null,
    bool HasMoved = false,
    bool IsTrained = false,
    long? LentAt = null
)
{
    public bool IsAssignment => State is SlotState.Assigned;
}

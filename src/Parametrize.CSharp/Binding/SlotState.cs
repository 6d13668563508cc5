namespace Parametrize.CSharp.Binding;

/// <summary>
/// What is in a slot: at first the placeholder, during passes and in cached scopes the value, or what a user or a move of the
/// module has put there.
/// </summary>
internal enum SlotState
{
    /// <summary>The placeholder.</summary>
    Hidden,

    /// <summary>The value.</summary>
    Exposed,

    /// <summary>
    /// The placeholder or the value, which was written to in place. The write would be lost, so the next use throws.
    /// </summary>
    Written,

    /// <summary>
    /// The placeholder, whose `requires_grad` was changed: the next use freezes or unfreezes the original parameters in the same
    /// way.
    /// </summary>
    RequiresGradChanged,

    /// <summary>
    /// Nothing: a setter was given null. The next use or query puts the placeholder back, and the next use throws.
    /// </summary>
    Emptied,

    /// <summary>The placeholder or the value, moved with the module: the next use or query moves the parametrized tensor.</summary>
    Moved,

    /// <summary>
    /// A tensor that a user has assigned (a pending assignment): the next use writes its right inverse into the parts.
    /// </summary>
    Assigned,

    /// <summary>A tensor that a user had assigned before TorchSharp loaded a state: the next use or query drops it.</summary>
    Outdated,

    /// <summary>
    /// The placeholder or the value is at another position of its list, because elements were inserted or removed: each use throws
    /// until that is undone.
    /// </summary>
    Shifted,

    /// <summary>The module was disposed or garbage-collected, and this library puts nothing there any more.</summary>
    Released,
}

/// <summary>What others had put into a module's slot, and what was taken out of it.</summary>
/// <param name="Slot">The slot.</param>
/// <param name="State">The state of the slot when it was found.</param>
/// <param name="Found">The placeholder or value that was moved, or the tensor that was assigned, as it was when it was assigned.</param>
/// <param name="MovedTo">Where the module has moved it, for `SlotState.Moved` and for assigned tensors that have moved since.</param>
/// <param name="WasSuited">Whether the assigned tensor had the element type and device of the parts when it was assigned.</param>
/// <param name="IsTrained">Whether the user wants the tensor trained, for `SlotState.RequiresGradChanged`.</param>
/// <param name="LentAt">
/// The number of writes to the parts when `state_dict` was called while the assignment was pending; null when it was not called. A
/// load by TorchSharp may have followed, and would be the later write.
/// </param>
internal readonly record struct ExternalWrite(
    SlotBinding Slot,
    SlotState State,
    Tensor? Found = null,
    (ScalarType Dtype, Device Device)? MovedTo = null,
    bool WasSuited = false,
    bool IsTrained = false,
    long? LentAt = null
)
{
    public bool IsAssignment => State is SlotState.Assigned;
}

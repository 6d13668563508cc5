namespace Parametrize.CSharp.Binding;

/// <summary>
/// What a user has assigned to a slot, followed while its module moves it before the next use: a tensor that is allowed in float32
/// need not be allowed in float64, up to rounding.
/// </summary>
internal sealed class AssignedTensor
{
    /// <summary>The tensor in the slot when others were last seen to have put one there.</summary>
    private Tensor? _seen;

    /// <summary>
    /// The tensor as it was when it was assigned; null when it had not the element type and device of the parts then.
    /// </summary>
    public Tensor? Original { get; private set; }

    /// <summary>Notes what is in the slot: another tensor, or the one that was there, moved with its module.</summary>
    /// <param name="found">The tensor.</param>
    /// <param name="isSuited">Whether it has the element type and device of the parts.</param>
    public void Follow(Tensor found, bool isSuited)
    {
        var hasMoved = _seen is not null && found.IsMovedFrom(_seen);
        _seen?.Dispose();
        _seen = Lasting(found);
        if (hasMoved)
            return;
        Original?.Dispose();
        Original = isSuited ? Lasting(found) : null;

        static Tensor Lasting(Tensor tensor) => tensor.detach().DetachFromDisposeScope();
    }

    public void Forget()
    {
        _seen?.Dispose();
        Original?.Dispose();
        (_seen, Original) = (null, null);
    }
}

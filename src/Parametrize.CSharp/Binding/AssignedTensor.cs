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

/// <summary>
/// An assignment that was pending when `state_dict` was called, and the parts at that time. A class, not a struct: other threads then
/// read all fields or none.
/// </summary>
internal sealed class WaitingAssignment(Tensor assigned, Tensor[] parts) : IDisposable
{
    /// <summary>TorchSharp's `load` calls `state_dict` and then writes to memory, which no count of writes shows.</summary>
    private readonly Tensor[] _copies = [.. parts.Select(part => part.Copied().DetachFromDisposeScope())];

    public Tensor Assigned { get; } = assigned;

    /// <summary>The number of writes to the parts.</summary>
    public long Writes { get; } = Versions.Of(parts);

    /// <summary>Whether the parts were written to since. Where they have moved, the count of writes tells.</summary>
    public bool IsOvertaken(Tensor[] now) =>
        Writes != Versions.Of(now)
        || _copies
            .Zip(now)
            .Any(pair => pair.First.HasSameTypeAndDevice(pair.Second) && !pair.First.Equals(pair.Second));

    public void Dispose()
    {
        foreach (var copy in _copies)
            copy.Dispose();
    }
}

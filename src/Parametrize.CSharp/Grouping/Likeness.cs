namespace Parametrize.CSharp.Grouping;

/// <summary>Decides which tensors can be computed as one batch, and for which that is faster.</summary>
internal static class Likeness
{
    /// <summary>Operations on larger tensors take so long that a batch saves nothing.</summary>
    private const long MostEntries = 64 * 64;

    /// <summary>Tensors with one key go into one batch.</summary>
    public static IEqualityComparer<(IGroupable Tensor, bool IsHeld)> Comparer { get; } = new ByLikeness();

    public static bool MayBeGrouped(IGroupable tensor) =>
        Stacks.canBeStacked(tensor.Parametrization)
        && !Traits.isEntrywise(tensor.Parametrization)
        && tensor is { IsBuffer: false, IsRandom: false }
        // Tensors of a disposed model cannot be computed.
        && !Array.Exists(tensor.Tensors, part => part.IsInvalid)
        && Entries(tensor) <= MostEntries;

    private static long Entries(IGroupable tensor)
    {
        var entries = 1L;
        foreach (var size in tensor.Shape)
            entries *= size;
        return entries;
    }

    private static bool AreAlike(IGroupable left, IGroupable right) =>
        left.IsLearning == right.IsLearning
        && left.Shape.AsSpan().SequenceEqual(right.Shape)
        && (
            ReferenceEquals(left.Parametrization, right.Parametrization)
            || left.Parametrization.Equals(right.Parametrization)
        )
        && AreAlike(left.Tensors, right.Tensors);

    /// <summary>
    /// Compares parts of tensors with equal values and shapes. Their sizes differ only when one has a buffer in PyTorch's form, and
    /// the other a smaller one.
    /// </summary>
    private static bool AreAlike(Tensor[] some, Tensor[] others)
    {
        for (var index = 0; index < some.Length; index++)
            if (
                !some[index].HasSameTypeAndDevice(others[index])
                || some[index].requires_grad != others[index].requires_grad
                || some[index].numel() != others[index].numel()
            )
                return false;
        return true;
    }

    private sealed class ByLikeness : IEqualityComparer<(IGroupable Tensor, bool IsHeld)>
    {
        public bool Equals((IGroupable Tensor, bool IsHeld) left, (IGroupable Tensor, bool IsHeld) right) =>
            left.IsHeld == right.IsHeld && AreAlike(left.Tensor, right.Tensor);

        public int GetHashCode((IGroupable Tensor, bool IsHeld) key)
        {
            var hash = new HashCode();
            hash.Add(key.IsHeld);
            foreach (var size in key.Tensor.Shape)
                hash.Add(size);
            return hash.ToHashCode();
        }
    }
}

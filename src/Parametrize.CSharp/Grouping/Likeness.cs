using Parametrize.CSharp.Torch;
using static TorchSharp.torch;
using Core = Parametrize.ParametrizationModule;

namespace Parametrize.CSharp.Grouping;

/// <summary>Which tensors one batch can compute, and which are worth it.</summary>
internal static class Likeness
{
    /// <summary>In larger tensors the operations take so long that fewer of them gain nothing.</summary>
    private const long MostEntries = 64 * 64;

    /// <summary>Tensors with one key go into one batch.</summary>
    public static IEqualityComparer<(IGroupable Tensor, bool IsHeld)> Comparer { get; } = new ByLikeness();

    public static bool MayBeGrouped(IGroupable tensor) =>
        Core.canBeStacked(tensor.Parametrization)
        && !Core.isEntrywise(tensor.Parametrization)
        && tensor is { IsBuffer: false, IsRandom: false }
        // Those of a model that was disposed.
        && !Array.Exists(tensor.Tensors, part => part.IsInvalid)
        && Entries(tensor) <= MostEntries;

    private static long Entries(IGroupable tensor)
    {
        var entries = 1L;
        foreach (var size in tensor.Shape)
            entries *= size;
        return entries;
    }

    private static bool AreAlike(IGroupable one, IGroupable other) =>
        one.IsLearning == other.IsLearning
        && one.Shape.AsSpan().SequenceEqual(other.Shape)
        && (
            ReferenceEquals(one.Parametrization, other.Parametrization)
            || one.Parametrization.Equals(other.Parametrization)
        )
        && AreAlike(one.Tensors, other.Tensors);

    /// <summary>Of one value and shape: sizes differ only where one carries what PyTorch does, and the other less.</summary>
    private static bool AreAlike(Tensor[] some, Tensor[] others)
    {
        for (var index = 0; index < some.Length; index++)
            if (
                !some[index].IsOfTheKindOf(others[index])
                || some[index].requires_grad != others[index].requires_grad
                || some[index].numel() != others[index].numel()
            )
                return false;
        return true;
    }

    private sealed class ByLikeness : IEqualityComparer<(IGroupable Tensor, bool IsHeld)>
    {
        public bool Equals((IGroupable Tensor, bool IsHeld) one, (IGroupable Tensor, bool IsHeld) other) =>
            one.IsHeld == other.IsHeld && AreAlike(one.Tensor, other.Tensor);

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

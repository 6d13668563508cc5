namespace Parametrize.CSharp.Values;

/// <summary>Disposes parts whose numbers have been written into other parts.</summary>
internal static class Discarding
{
    /// <summary>Disposes them, and takes the parameters off the count.</summary>
    /// <param name="parts">The parts.</param>
    /// <param name="except">Tensors in use, which are spared.</param>
    public static void Discard(this Parts parts, params IEnumerable<Tensor> except)
    {
        var kept = except.ToHashSet(ReferenceEqualityComparer.Instance);
        foreach (var part in parts.Tensors.Where(part => !kept.Contains(part) && !part.IsInvalid))
            part.TakeOffCount().Dispose();
    }
}

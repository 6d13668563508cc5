namespace Parametrize.CSharp.State;

/// <summary>Finds the map of pieces of a state dictionary from their names and shapes, if these decide it.</summary>
internal static class InferredParametrization
{
    /// <summary>
    /// The map, or null when several are possible. `original0` and `original1` may belong to any map of two parameters: only the
    /// old names of PyTorch's weight norm decide.
    /// </summary>
    public static Parametrization? Of(StatePieces pieces)
    {
        if (pieces.AreOld && pieces.HaveNames(["original0", "original1"]))
            return WeightNorm(pieces["original0"], pieces["original1"]);
        if (pieces.HaveNames(["original", "0._u", "0._v"]))
            return SpectralNorm(pieces["original"], pieces["0._u"], pieces["0._v"]);
        return pieces.HaveNames(["original", "0.mask"]) ? Pruned(pieces["original"].shape, pieces["0.mask"]) : null;
    }

    /// <summary>Why a mask is invalid; null when no mask is. With an invalid mask, naming a map does not help.</summary>
    public static string? MaskFault(StatePieces pieces) =>
        pieces
            .Keys.Where(piece => piece.Key.EndsWith(".mask", StringComparison.Ordinal))
            .Where(piece => Mask.OthersIn(pieces[piece.Key]) > 0)
            .Select(piece => $"{piece.Value} is no mask, which holds ones, where entries stay, and zeros.")
            .FirstOrDefault();

    /// <summary>A map that has pieces of these names: for messages.</summary>
    public static Parametrization Example(StatePieces pieces)
    {
        if (pieces.HaveNames(["original0", "original1"]))
            return WeightNorm(pieces["original0"], pieces["original1"]) ?? Parametrizations.WeightNorm();
        if (pieces.Keys.ContainsKey("original2"))
            return Parametrizations.LowRank(Math.Max(1, pieces["original1"].numel()));
        return Has("base") ? Parametrizations.Orthogonal()
            : Has("_u") ? Parametrizations.SpectralNorm()
            : Has("mask") ? Parametrizations.PrunedL1(0.5)
            : Parametrizations.Symmetric;

        bool Has(string buffer) => pieces.Keys.Keys.Any(name => name.EndsWith($".{buffer}", StringComparison.Ordinal));
    }

    /// <summary>Whether pieces under old names belong to this kind of map, whatever its options.</summary>
    public static bool AreOfKind(StatePieces old, Parametrization map) =>
        map.Nodes.Count == 1
        && map.Code.StartsWith(
            old.Keys.ContainsKey("original0") ? "weightNorm"
                : old.Keys.ContainsKey("0._u") ? "spectralNorm"
                : "pruned",
            StringComparison.Ordinal
        );

    private static Parametrization? Pruned(long[] shape, Tensor mask) =>
        mask.shape.SequenceEqual(shape) && Mask.OthersIn(mask) == 0 ? Parametrizations.PrunedBy(mask) : null;

    /// <summary>Dimensions of equal length cannot be confused: a magnitude's shape shows which is kept.</summary>
    private static Parametrization? WeightNorm(Tensor magnitude, Tensor direction)
    {
        if (magnitude.dim() == 0)
            return Parametrizations.WeightNorm(dimension: null);
        for (var dim = 0; dim < direction.dim() && magnitude.dim() == direction.dim(); dim++)
        {
            var kept = Enumerable.Range(0, (int)direction.dim()).Select(d => d == dim ? direction.shape[d] : 1);
            if (kept.SequenceEqual(magnitude.shape))
                return Parametrizations.WeightNorm(dim);
        }
        return null;
    }

    /// <summary>
    /// If several dimensions have the length of u, it takes the one for which u and v are nearly a fixed point of power
    /// iteration. For a symmetric matrix all of them fit, with equal norms.
    /// </summary>
    private static Parametrization? SpectralNorm(Tensor original, Tensor u, Tensor v)
    {
        if (u.dim() != 1 || v.dim() != 1 || u.numel() * v.numel() != original.numel() || u.numel() == 0)
            return null;
        var candidates = Enumerable
            .Range(0, (int)original.dim())
            .Where(dim => original.shape[dim] == u.numel())
            .Select(dim => (Dim: dim, Fit: Fit(original, u, v, dim)))
            .OrderBy(candidate => candidate.Fit.Residual)
            .ToList();
        if (candidates.Count == 0)
            return null;
        var (dim, best) = candidates[0];
        var isClear = candidates
            .Skip(1)
            .All(other =>
                best.Residual < 0.5 * other.Fit.Residual
                || Math.Abs(other.Fit.Norm - best.Norm) <= 1e-6 * Math.Abs(best.Norm)
            );
        return isClear ? Parametrizations.SpectralNorm(dimension: dim) : null;
    }

    private static (double Residual, double Norm) Fit(Tensor original, Tensor u, Tensor v, int dim)
    {
        using var _ = NewDisposeScope();
        using var __ = no_grad();
        var wide = original.is_complex() ? ScalarType.ComplexFloat64 : ScalarType.Float64;
        var matrix = original.cpu().to(wide).movedim([dim], [0]).reshape(u.numel(), v.numel());
        var (left, right) = (u.cpu().to(wide), v.cpu().to(wide));
        var (nextLeft, nextRight) = (matrix.mv(right), matrix.mH.mv(left));
        var residual = Distance(left, nextLeft) + Distance(right, nextRight);
        return (residual, vdot(left, nextLeft).abs().item<double>());
    }

    private static double Distance(Tensor unit, Tensor vector) =>
        (unit - vector / vector.norm().clamp_min(Scalars.scalarOf(1e-300))).norm().item<double>();
}

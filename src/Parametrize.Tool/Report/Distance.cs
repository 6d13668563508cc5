using static TorchSharp.torch;

namespace Parametrize.Tool.Report;

/// <summary>How far two tensors are apart.</summary>
internal static class Distance
{
    /// <summary>
    /// The largest difference of entries, computed in double precision: 0 for equal ones, NaN and infinity included; NaN or
    /// infinity where one of the tensors has that and the other has not.
    /// </summary>
    public static double Largest(Tensor left, Tensor right)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        if (left.numel() == 0)
            return 0;
        var wide = left.is_complex() || right.is_complex() ? ScalarType.ComplexFloat64 : ScalarType.Float64;
        var (a, b) = (left.to(wide), right.to(wide));
        var areEqual = a.eq(b).logical_or(a.isnan().logical_and(b.isnan()));
        var differences = (a - b).abs();
        return where(areEqual, zeros_like(differences), differences).max().item<double>();
    }
}

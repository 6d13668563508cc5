using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp.Support;

/// <summary>Comparing tensors.</summary>
internal static class Near
{
    public static double Tolerance(ScalarType dtype) =>
        dtype switch
        {
            ScalarType.Float64 or ScalarType.ComplexFloat64 => 1e-9,
            ScalarType.Float16 => 2e-2,
            ScalarType.BFloat16 => 1.5e-1,
            _ => 1e-4,
        };

    public static double Distance(Tensor left, Tensor right)
    {
        using var _ = NewDisposeScope();
        using var __ = no_grad();
        Assert.Equal(left.shape, right.shape);
        return left.numel() == 0
            ? 0
            : (left.to(ScalarType.Float64) - right.to(ScalarType.Float64)).abs().max().item<double>();
    }

    /// <summary>The same up to rounding in the element type of the first.</summary>
    public static void Same(Tensor expected, Tensor actual, double? tolerance = null)
    {
        var distance = Distance(expected, actual);
        Assert.True(distance <= (tolerance ?? Tolerance(expected.dtype)), $"They differ by {distance}.");
    }

    public static void Different(Tensor left, Tensor right) =>
        Assert.True(Distance(left, right) > 10 * Tolerance(left.dtype), "They are the same.");

    /// <summary>Bit for bit.</summary>
    public static void Identical(Tensor expected, Tensor actual)
    {
        Assert.Equal(expected.dtype, actual.dtype);
        Assert.Equal(expected.shape, actual.shape);
        Assert.Equal(Bytes(expected), Bytes(actual));
    }

    public static byte[] Bytes(Tensor tensor) => tensor.detach().cpu().contiguous().bytes.ToArray();

    /// <summary>What stands for a parametrized tensor while nobody computes with it: no number that anybody could take for its value.</summary>
    public static void Placeholder(Tensor tensor)
    {
        using var _ = NewDisposeScope();
        Assert.True(tensor.numel() > 0 && tensor.isnan().all().item<bool>(), $"It is {tensor.str()}.");
    }

    public static double OrthogonalityDefect(Tensor matrix)
    {
        using var _ = NewDisposeScope();
        using var __ = no_grad();
        var wide = matrix.to(ScalarType.Float64);
        return (wide.mT.matmul(wide) - eye(wide.shape[^1], dtype: ScalarType.Float64)).abs().max().item<double>();
    }

    public static void Orthogonal(Tensor matrix)
    {
        var defect = OrthogonalityDefect(matrix);
        Assert.True(defect <= 2 * Tolerance(matrix.dtype), $"W^T W differs from I by {defect}.");
    }
}

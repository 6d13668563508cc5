using Parametrize.CSharp;
using TorchSharp;
using static TorchSharp.torch;

namespace Notebook;

/// <summary>What the chapters measure.</summary>
internal static class Measured
{
    /// <summary>The largest difference of two entries.</summary>
    public static double Distance(Tensor left, Tensor right) => Largest(left - right);

    /// <summary>The largest modulus of an entry.</summary>
    public static double Largest(Tensor tensor) => tensor.abs().max().ToDouble();

    /// <summary>How far the columns are from orthonormal.</summary>
    public static double Defect(Tensor matrix) => Distance(matrix.mT.mm(matrix), eye(matrix.shape[^1]));

    public static long Zeros(Tensor tensor) => tensor.eq(0).sum().ToInt64();

    /// <summary>The weight with which a module computes.</summary>
    public static Tensor Weight(nn.Module module) => module.parametrization("weight").Value;

    /// <summary>The tensor that the optimizer trains.</summary>
    public static Tensor Original(nn.Module module) => module.parametrization("weight").get_parameter("original")!;
}

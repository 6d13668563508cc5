using TorchSharp;
using static TorchSharp.torch;

namespace Parametrize.Flows;

/// <summary>
/// Numbers beside tensors. TorchSharp's own conversion makes an object that may be collected while libtorch reads it, and so do its
/// `+`, `number - tensor` and `square`; the core keeps these.
/// </summary>
internal static class Numbers
{
    public static Scalar AsScalar(this double number) => Scalars.scalarOf(number);

    public static Tensor Plus(this Tensor left, Tensor right) => Scalars.Plus(left, right);

    public static Tensor Plus(this Tensor left, double right) => Scalars.PlusNumber(left, right.AsScalar());

    public static Tensor Squared(this Tensor tensor) => tensor.pow(2.0.AsScalar());
}

using TorchSharp;

namespace Parametrize.Flows;

/// <summary>
/// Numbers beside tensors. TorchSharp's own conversion makes an object that may be collected while libtorch reads it; the core
/// keeps these.
/// </summary>
internal static class Numbers
{
    public static Scalar AsScalar(this double number) => Scalars.scalarOf(number);
}

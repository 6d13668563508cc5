using Parametrize.CSharp;
using static TorchSharp.torch;

namespace Parametrize.Flows;

internal static class Temp
{
    public static Tensor LogAbsDeterminant(this ParametrizedTensor w) => linalg.slogdet(w.Value).Item2;

    public static Tensor Solve(this ParametrizedTensor w, Tensor b) => linalg.solve(w.Value, b);
}

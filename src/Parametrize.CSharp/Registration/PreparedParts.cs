using Parametrize.CSharp.Values;

namespace Parametrize.CSharp.Registration;

/// <summary>A parametrized tensor that is to be computed from other numbers, by more nodes if need be.</summary>
/// <param name="tensor">The tensor.</param>
/// <param name="next">How it goes on.</param>
/// <param name="path">By which it was registered on again: for the passes of those modules it is computed from then on.</param>
internal sealed class PreparedParts(ParametrizedTensor tensor, Continuation next, TensorPath? path = null) : IPrepared
{
    public void Commit()
    {
        tensor.Become(next);
        path?.AddCallers();
    }

    /// <summary>Frees what the tensor has not taken.</summary>
    public void Dispose() => next.Parts.Discard(except: tensor.Tensors);
}

using Parametrize.CSharp.Values;

namespace Parametrize.CSharp.Registration;

/// <summary>A parametrized tensor that is to be computed from other numbers, by more nodes if need be.</summary>
internal sealed class PreparedParts(ParametrizedTensor tensor, Continuation next) : IPrepared
{
    public void Commit() => tensor.Become(next);

    /// <summary>Frees what the tensor has not taken.</summary>
    public void Dispose() => next.Parts.Discard(except: tensor.Tensors);
}

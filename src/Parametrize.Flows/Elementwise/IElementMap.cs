using static TorchSharp.torch;

namespace Parametrize.Flows;

/// <summary>
/// A bijection of single numbers that has parameters, of which layers are made: <see cref="Coupling"/>,
/// <see cref="Autoregressive"/> and <see cref="Elementwise"/>. Parameters that are zero make it the identity.
/// </summary>
public interface IElementMap
{
    /// <summary>How many parameters a number has.</summary>
    long ParameterCount { get; }

    /// <summary>The value of each number, and the logarithm of its derivative, which is positive.</summary>
    /// <param name="x">`[...]`.</param>
    /// <param name="parameters">`[..., ParameterCount]`.</param>
    (Tensor Value, Tensor LogDerivative) Forward(Tensor x, Tensor parameters);

    /// <summary>The numbers that have these values.</summary>
    /// <param name="y">`[...]`.</param>
    /// <param name="parameters">`[..., ParameterCount]`.</param>
    Tensor Inverse(Tensor y, Tensor parameters);
}

using Parametrize.CSharp.Torch;
using static TorchSharp.torch;

namespace Parametrize.CSharp.Values;

/// <summary>The number of writes to the parts, and which parameters are trained.</summary>
internal readonly record struct PartsVersion(long Writes, long Trained)
{
    /// <summary>
    /// The present version. Freezing counts as a change, because an earlier graph would still give gradients to the frozen
    /// parameter.
    /// </summary>
    /// <param name="inputs">The parameters.</param>
    /// <param name="tensors">All that the value is computed from.</param>
    public static PartsVersion Of(Tensor[] inputs, Tensor[] tensors)
    {
        var trained = 0L;
        foreach (var input in inputs)
            trained = unchecked(31 * trained + (input.requires_grad ? 2 : 1)); // Any number of inputs counts.
        return new(Versions.Of(tensors), trained);
    }
}

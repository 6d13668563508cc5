using Parametrize.CSharp.Torch;
using static TorchSharp.torch;

namespace Parametrize.CSharp.Values;

/// <summary>How often the parts had been written to, and which were trained.</summary>
internal readonly record struct PartsVersion(long Writes, long Trained)
{
    /// <summary>How things are now. A frozen parameter is to get no gradients, which the graph would still give it.</summary>
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

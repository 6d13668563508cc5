using Parametrize.CSharp.Registration;
using static TorchSharp.torch;

namespace Parametrize.CSharp;

/// <content>A model's parametrizations in numbers.</content>
public static partial class parametrize
{
    /// <summary>
    /// For each parametrized tensor of a model: name, value, shape, element type, distance from its space, how many numbers are
    /// trained, and the dimension of the space; singular values if asked for. It computes each tensor once. As every reading does,
    /// it first takes pending changes: a move, a buffer that a pass has changed, and singular vectors that are stale in evaluation.
    /// </summary>
    /// <param name="model">The model.</param>
    /// <param name="spectraUpTo">
    /// Singular values are computed for tensors that take no more work than a square matrix of this size. The work is rows x
    /// columns x the smaller of the two, for each matrix of a batch. On one core a matrix of 1,024 x 1,024 takes 0.3 seconds, one
    /// of 2,048 x 2,048 takes 3 seconds. 0: for no tensor.
    /// </param>
    /// <returns>A list whose ToString is a table, and ToHtml a page.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The size is negative.</exception>
    public static ParametrizationReport parametrization_report(this nn.Module model, long spectraUpTo = 0)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentOutOfRangeException.ThrowIfNegative(spectraUpTo);
        return new(ModelTree.Tensors(model).Select(entry => new TensorReport(entry.Name, entry.Tensor, spectraUpTo)));
    }
}

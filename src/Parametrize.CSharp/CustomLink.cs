using Microsoft.FSharp.Core;
using static TorchSharp.torch;

namespace Parametrize.CSharp;

/// <summary>
/// A parametrization of one's own in C#: a map from any tensor onto a set, and a right inverse of it. Wrap it by
/// <see cref="Parametrizations.Of"/>. In F#, or for buffers and several parameters, derive from <see cref="Link"/>.
/// </summary>
/// <param name="code">How it is typed, with its options: equal for equal links of the class, else different.</param>
/// <param name="space">What the map yields, in words.</param>
public abstract class CustomLink(string code, string space) : Link
{
    /// <inheritdoc/>
    public sealed override string Code => code;

    /// <inheritdoc/>
    public sealed override Space Codomain => Space.NewNamed(space);

    /// <summary>The constrained tensor, differentiable. Intermediate tensors are disposed by the caller.</summary>
    protected abstract Tensor Forward(Tensor input);

    /// <summary>An input that <see cref="Forward(Tensor)"/> maps to this tensor, or near it where there is none.</summary>
    protected abstract Tensor RightInverse(Tensor value);

    /// <summary>The nearest allowed tensor. Default: the image of the right inverse.</summary>
    protected virtual Tensor Nearest(Tensor value) => Forward(RightInverse(value));

    /// <summary>How far a tensor is from the set. Default: from the image of its right inverse.</summary>
    protected virtual double Distance(Tensor value) => Largest(Forward(RightInverse(value)) - value);

    /// <inheritdoc/>
    public sealed override Tensor Forward(Tensor[] inputs, Tensor[] buffers) => Forward(inputs[0]);

    /// <inheritdoc/>
    public sealed override FSharpResult<Unit, Violation> Contains(Tensor[] present, Tensor tensor, double epsilon)
    {
        var (size, limit) = (Distance(tensor), 64 * epsilon * Math.Max(1, Largest(tensor)));
        return size <= limit
            ? FSharpResult<Unit, Violation>.NewOk(null!)
            : FSharpResult<Unit, Violation>.NewError(new Violation($"W in {space}", size, limit));
    }

    /// <inheritdoc/>
    public sealed override FSharpResult<LinkParts, string> RightInverse(
        Tensor[] present,
        Tensor tensor,
        double epsilon
    ) => FSharpResult<LinkParts, string>.NewOk(new LinkParts([RightInverse(tensor)], []));

    /// <inheritdoc/>
    public sealed override Tensor Nearest(Tensor tensor, double epsilon) => Nearest(tensor);

    private static double Largest(Tensor tensor) => tensor.abs().max().to(ScalarType.Float64).item<double>();
}

using Microsoft.FSharp.Core;
using static TorchSharp.torch;

namespace Parametrize.CSharp;

/// <summary>
/// What <see cref="CustomLink"/> and <see cref="CustomLinkOfSeveral"/> share: membership and projection come from the map
/// onto a set and its right inverse.
/// </summary>
public abstract class SetLink : Link
{
    private readonly string _code;
    private readonly string _space;

    private protected SetLink(string code, string space) => (_code, _space) = (code, space);

    /// <inheritdoc/>
    public sealed override string Code => _code;

    /// <inheritdoc/>
    public sealed override Space Codomain => Space.NewNamed(_space);

    /// <summary>The nearest allowed tensor. Default: the image of the right inverse.</summary>
    protected virtual Tensor Nearest(Tensor value) => Contract.image(this, value);

    /// <summary>
    /// How far a tensor is from the set. Default: from the image of its right inverse, infinitely far where there is none.
    /// </summary>
    protected virtual double Distance(Tensor value)
    {
        var image = Contract.image(this, value);
        var size = Largest(image - value);
        if (!double.IsFinite(size))
            return double.PositiveInfinity;
        // Far from its image is also what an inverse is that is none: then the tensor is not to blame.
        if (size > Limit(value, FormModule.epsilon(value.dtype)))
            Contract.requireInverse(this, value, image);
        return size;
    }

    /// <inheritdoc/>
    public sealed override Tensor Forward(Tensor[] inputs, Tensor[] buffers) => Map(inputs);

    /// <inheritdoc/>
    public sealed override FSharpResult<Unit, Violation> Contains(Tensor[] present, Tensor tensor, double epsilon)
    {
        var (size, limit) = (Distance(tensor), Limit(tensor, epsilon));
        if (double.IsNaN(size))
            throw new InvalidOperationException(
                $"{Code} breaks its contract in measuring how far {FormModule.ofTensor(tensor)} is. Expected: a number; found: NaN."
            );
        // A tiny tensor may be the difference of larger ones.
        if (size > limit && size <= 64 * epsilon)
            limit += Contract.roundingAt(this, tensor, epsilon);
        return size <= limit
            ? FSharpResult<Unit, Violation>.NewOk(null!)
            : FSharpResult<Unit, Violation>.NewError(new Violation($"W in {_space}", size, limit));
    }

    /// <inheritdoc/>
    public sealed override FSharpResult<LinkParts, string> RightInverse(
        Tensor[] present,
        Tensor tensor,
        double epsilon
    ) => FSharpResult<LinkParts, string>.NewOk(new LinkParts(Inverse(tensor), []));

    /// <inheritdoc/>
    public sealed override Tensor Nearest(Tensor tensor, double epsilon) => Nearest(tensor);

    private protected abstract Tensor Map(Tensor[] inputs);

    private protected abstract Tensor[] Inverse(Tensor value);

    /// <summary>What counts as rounding: 16-bit tensors are rounded once, and computed with in float32.</summary>
    private static double Limit(Tensor tensor, double epsilon) =>
        (8 * epsilon + 56 * Math.Min(epsilon, FormModule.epsilon(ScalarType.Float32))) * Largest(tensor);

    private static double Largest(Tensor tensor) => tensor.abs().max().to(ScalarType.Float64).item<double>();
}

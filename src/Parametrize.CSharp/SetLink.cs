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
    protected virtual Tensor Nearest(Tensor value) => Map(Inverse(value));

    /// <summary>How far a tensor is from the set. Default: from the image of its right inverse.</summary>
    protected virtual double Distance(Tensor value) => Largest(Map(Inverse(value)) - value);

    /// <inheritdoc/>
    public sealed override Tensor Forward(Tensor[] inputs, Tensor[] buffers) => Map(inputs);

    /// <inheritdoc/>
    public sealed override FSharpResult<Unit, Violation> Contains(Tensor[] present, Tensor tensor, double epsilon)
    {
        var (size, limit) = (Distance(tensor), 64 * epsilon * Math.Max(1, Largest(tensor)));
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

    private static double Largest(Tensor tensor) => tensor.abs().max().to(ScalarType.Float64).item<double>();
}

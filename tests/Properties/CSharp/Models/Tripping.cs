using Microsoft.FSharp.Collections;
using Microsoft.FSharp.Core;
using Parametrize;
using Parametrize.CSharp;
using static TorchSharp.torch;

namespace Properties.CSharp.Models;

/// <summary>Doubled tensors, from one parameter or the sum of two, with a buffer; it throws at one of its steps.</summary>
internal sealed class Tripping(int inputs) : Link
{
    private int _left;
    private bool _forGood;

    public Parametrization Value => Parametrizations.Of(this);

    /// <summary>Whether the step was reached.</summary>
    public bool HasTripped { get; private set; }

    public override string Code => $"tripping{inputs}";

    public override Space Codomain => Space.All;

    public override Domain Domain => Domain.Anything;

    public override int InputCount => Step(inputs, isComputing: false);

    public override bool Learns => Step(false, isComputing: false);

    public override FSharpList<string> BufferNames => Step(ListModule.OfSeq(["carried"]), isComputing: false);

    /// <summary>Lets the n-th step from now throw, or, of those that compute, all from the n-th on.</summary>
    public void TripAt(int step, bool forGood) => (_left, _forGood, HasTripped) = (step, forGood, false);

    /// <summary>Lets it work.</summary>
    public void Stand() => (_left, _forGood) = (0, false);

    public override Tensor Forward(Tensor[] tensors, Tensor[] buffers) =>
        Step(tensors.Aggregate((left, right) => left + right) * 2 + buffers[0]);

    public override FSharpResult<Unit, Violation> Contains(Tensor[] present, Tensor tensor, double epsilon) =>
        Step(FSharpResult<Unit, Violation>.NewOk(null!));

    public override FSharpResult<LinkParts, string> RightInverse(Tensor[] present, Tensor tensor, double epsilon) =>
        Step(
            FSharpResult<LinkParts, string>.NewOk(
                new LinkParts([.. Enumerable.Range(0, inputs).Select(_ => tensor / (2 * inputs))], [zeros_like(tensor)])
            )
        );

    public override Tensor Nearest(Tensor tensor, double epsilon) => Step(tensor);

    private T Step<T>(T result, bool isComputing = true)
    {
        if (_left == 0 || _forGood && !isComputing)
            return result;
        if (--_left > 0)
            return result;
        _left = _forGood ? 1 : 0;
        HasTripped = true;
        throw new ApplicationException("tripped");
    }
}

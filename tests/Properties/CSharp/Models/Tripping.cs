using Microsoft.FSharp.Collections;
using Microsoft.FSharp.Core;
using Parametrize;
using Parametrize.CSharp;
using static TorchSharp.torch;

namespace Properties.CSharp.Models;

/// <summary>Doubled tensors, from one parameter or the sum of two, with a buffer; it throws at one of its steps.</summary>
internal sealed class Tripping(int inputs) : Node
{
    private int _left;
    private bool _forGood;

    public Parametrization Value => Parametrizations.Of(this);

    /// <summary>Whether the step was reached.</summary>
    public bool HasTripped { get; private set; }

    public override Code Code => Code.NewCall($"tripping{inputs}", FSharpList<Code>.Empty);

    public override FSharpList<Domain> Domains =>
        Step(ListModule.OfSeq(Enumerable.Repeat(Domain.AnySpace, inputs)), isComputing: false);

    public override FSharpList<Parametrize.Buffer> Buffers =>
        Step(
            ListModule.OfSeq([
                new Parametrize.Buffer("carried", BufferRole.Constant, FuncConvert.FromFunc<Form, Form>(form => form)),
            ]),
            isComputing: false
        );

    public override Space Codomain(FSharpList<Space> before) => SpaceModule.all;

    /// <summary>Lets the n-th step from now throw, or, of those that compute, all from the n-th on.</summary>
    public void TripAt(int step, bool forGood) => (_left, _forGood, HasTripped) = (step, forGood, false);

    /// <summary>Lets it work.</summary>
    public void Stand() => (_left, _forGood) = (0, false);

    public override Tensor Forward(Tensor[] tensors, Tensor[] buffers) =>
        Step(tensors.Aggregate((left, right) => left + right) * 2 + buffers[0]);

    public override FSharpResult<Unit, Violation> Contains(Tensor[] present, Tensor tensor, double epsilon) =>
        Step(FSharpResult<Unit, Violation>.NewOk(null!));

    public override FSharpResult<NodeParts, string> Invert(
        Tensor[] present,
        Tensor tensor,
        double epsilon,
        Want want
    ) =>
        Step(
            FSharpResult<NodeParts, string>.NewOk(
                new NodeParts([.. Enumerable.Range(0, inputs).Select(_ => tensor / (2 * inputs))], [zeros_like(tensor)])
            )
        );

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

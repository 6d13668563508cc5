using Parametrize;
using Parametrize.CSharp;
using TorchSharp;
using static TorchSharp.torch;

namespace Properties.CSharp.Support;

/// <summary>W = 2X, counting how often it is computed, and failing when told to.</summary>
internal sealed class Doubling(string code = "doubling") : CustomNode(code, "doubled tensors")
{
    /// <summary>Kept: the garbage collector takes a number beside a tensor (`input * 2`) while libtorch reads it.</summary>
    private static readonly Scalar Two = 2;

    public int Evaluations;

    public string? FailIn { get; set; }

    protected override Tensor Forward(Tensor input)
    {
        Interlocked.Increment(ref Evaluations);
        FailIfAsked(nameof(Forward));
        return input.mul(Two);
    }

    protected override Tensor RightInverse(Tensor value)
    {
        FailIfAsked(nameof(RightInverse));
        return value.div(Two);
    }

    protected override Tensor Nearest(Tensor value) => value.clone();

    protected override double Distance(Tensor value)
    {
        FailIfAsked(nameof(Distance));
        return 0;
    }

    public Parametrization Value => Parametrizations.Of(this);

    private void FailIfAsked(string member)
    {
        if (FailIn == member)
            throw new ApplicationException($"{member} fails.");
    }
}

/// <summary>Tensors whose entries sum to zero: a map onto a subspace with its nearest point.</summary>
internal sealed class ZeroSum() : CustomNode("zeroSum", "tensors of sum zero")
{
    protected override Tensor Forward(Tensor input) => input - input.mean();

    protected override Tensor RightInverse(Tensor value) => value;
}

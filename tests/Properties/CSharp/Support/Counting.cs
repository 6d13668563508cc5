using Parametrize;
using Parametrize.CSharp;
using static TorchSharp.torch;

namespace Properties.CSharp.Support;

/// <summary>W = 2X, counting how often it is computed, and failing when told to.</summary>
internal sealed class Doubling(string code = "doubling") : CustomNode(code, "doubled tensors")
{
    public int Evaluations;

    public string? FailIn { get; set; }

    protected override Tensor Forward(Tensor input)
    {
        Interlocked.Increment(ref Evaluations);
        FailIfAsked(nameof(Forward));
        return input.add(input); // No number beside a tensor: the garbage collector may take it while libtorch reads it.
    }

    protected override Tensor RightInverse(Tensor value)
    {
        FailIfAsked(nameof(RightInverse));
        return value / 2;
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

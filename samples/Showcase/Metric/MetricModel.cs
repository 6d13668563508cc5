using Parametrize;
using Parametrize.CSharp;
using static TorchSharp.torch;

namespace Showcase.Metric;

/// <summary>The squared distances `(x - y)^T M (x - y)` of points.</summary>
internal sealed class MetricModel : nn.Module<Tensor, Tensor, Tensor>
{
    private readonly ParametrizedTensor matrix;

    /// <param name="size">How many numbers a point has.</param>
    /// <param name="value">What M is computed by; it starts as the identity.</param>
    public MetricModel(long size, Parametrization value)
        : base(nameof(MetricModel))
    {
        using var start = eye(size);
        matrix = new ParametrizedTensor(value, start);
        RegisterComponents();
    }

    public Tensor Matrix => matrix.Value;

    /// <summary>Row of the first by row of the second.</summary>
    public override Tensor forward(Tensor from, Tensor to)
    {
        using var scope = NewDisposeScope();
        var m = matrix.Value;
        var mapped = from.mm(m);
        var lengths = (mapped * from).sum(1, keepdim: true);
        var others = (to.mm(m) * to).sum(1, keepdim: true);
        return (lengths + others.T - mapped.mm(to.T) * 2).MoveToOuterDisposeScope();
    }
}

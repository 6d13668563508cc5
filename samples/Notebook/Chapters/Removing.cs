using Parametrize.CSharp;
using TorchSharp.Modules;
using static Notebook.Measured;
using static TorchSharp.torch;

namespace Notebook.Chapters;

internal sealed class Removing : IChapter
{
    public string Title => "Removing, with both outcomes";

    public void Check(Claims claims)
    {
        var x = randn(3, 4);
        var (kept, weight, _) = Trained();
        var before = kept.call(x);
        kept.remove_parametrizations("weight", leave_parametrized: true);
        claims.AtMost(0, Distance(kept.weight!, weight), "leaving it parametrized keeps the weight, difference");
        claims.AtMost(0, Distance(kept.call(x), before), "and what the layer computes, difference");
        claims.That(
            !kept.is_parametrized(),
            "nothing is parametrized any more",
            $"is_parametrized {kept.is_parametrized()}"
        );
        claims.Equal(
            "weight, bias",
            string.Join(", ", kept.named_parameters().Select(p => p.name)),
            "the parameters are those of a plain layer"
        );

        var (freed, _, original) = Trained();
        freed.remove_parametrizations("weight", leave_parametrized: false);
        claims.AtMost(
            0,
            Distance(freed.weight!, original),
            "leaving it original gives the unconstrained tensor, difference"
        );
        claims.MoreThan(0, Distance(freed.weight!, freed.weight!.mT), "which is not symmetric, |W - W^T|");

        var weighted = nn.Linear(4, 4).weight_norm();
        claims.Refused<InvalidOperationException>(
            () => weighted.remove_parametrizations("weight", leave_parametrized: false),
            "of several originals none is the weight: refused"
        );
    }

    private static (Linear Layer, Tensor Weight, Tensor Original) Trained()
    {
        var layer = nn.Linear(4, 4).register_parametrization("weight", Parametrizations.Symmetric);
        new Regression(layer, randn(8, 4)).Train(optim.SGD(layer.parameters(), 0.1), steps: 3);
        return (layer, Weight(layer).detach().clone(), Original(layer).detach().clone());
    }
}

using Parametrize.CSharp;
using static Notebook.Measured;
using static TorchSharp.torch;

namespace Notebook.Chapters;

internal sealed class OptimizerBuiltBefore : IChapter
{
    public string Title => "An optimizer built before registration";

    public void Check(Claims claims)
    {
        var layer = nn.Linear(4, 4);
        var optimizer = optim.Adam(layer.parameters(), lr: 0.05);
        var weight = layer.weight!;
        layer.register_parametrization("weight", Parametrizations.Skew.Then(Parametrizations.Cayley()));

        claims.That(ReferenceEquals(weight, Original(layer)), "its parameter is the original now", "the same object");
        var regression = new Regression(layer, randn(8, 4));
        var first = Weight(layer).detach().clone();
        claims.AtMost(0.95, regression.Train(optimizer, steps: 50), "it still trains: the loss falls to a share of");
        claims.MoreThan(0.01, Distance(Weight(layer), first), "the weight has moved by");
        claims.AtMost(1e-5, Defect(Weight(layer)), "and is orthogonal, |W^T W - I|");

        layer.remove_parametrizations("weight");
        claims.That(
            ReferenceEquals(weight, layer.weight),
            "after removal the layer has the same parameter",
            "the same object"
        );
        claims.AtMost(0.95, regression.Train(optimizer, steps: 50), "which it goes on training: to a share of");
    }
}

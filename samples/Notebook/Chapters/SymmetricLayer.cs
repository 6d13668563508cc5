using System.Runtime.InteropServices;
using Parametrize.CSharp;
using static Notebook.Measured;
using static TorchSharp.torch;

namespace Notebook.Chapters;

internal sealed class SymmetricLayer : IChapter
{
    public string Title => "A linear layer with a symmetric weight";

    public void Check(Claims claims)
    {
        var layer = nn.Linear(4, 4);
        layer.register_parametrization(l => l.weight, Parametrizations.Symmetric);
        claims.That(
            layer.is_parametrized("weight"),
            "the weight is parametrized",
            $"{layer.parametrization("weight").Parametrization}"
        );
        claims.AtMost(0, Distance(Weight(layer), Weight(layer).mT), "|W - W^T|");

        var x = randn(8, 4);
        var expected = nn.functional.linear(x, Weight(layer), layer.bias);
        claims.AtMost(0, Distance(layer.call(x), expected), "the layer computes with W, difference");
#pragma warning disable PARAM001 // The mistake is what is shown.
        claims.Refused<ExternalException>(() => layer.forward(x), "forward, which runs no hooks, is loud");
#pragma warning restore PARAM001
        claims.Equal(
            "bias, parametrizations.weight.original",
            string.Join(", ", layer.named_parameters().Select(p => p.name).Order()),
            "its parameters"
        );

        var share = new Regression(layer, x).Train(optim.Adam(layer.parameters(), lr: 0.05), steps: 50);
        claims.AtMost(0.9, share, "training reduces the loss to a share of");
        claims.AtMost(0, Distance(Weight(layer), Weight(layer).mT), "|W - W^T| after training");
    }
}

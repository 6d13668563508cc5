using Parametrize.CSharp;
using TorchSharp;
using static Notebook.Measured;
using static TorchSharp.torch;

namespace Notebook.Chapters;

internal sealed class SkewThenCayley : IChapter
{
    public string Title => "An orthogonal weight: skew, then the Cayley map at a base";

    public void Check(Claims claims)
    {
        var layer = nn.Linear(5, 5);
        layer.register_parametrization("weight", Parametrizations.Skew);
        layer.register_parametrization("weight", Parametrizations.Cayley());
        claims.Equal(
            Parametrizations.Skew.Then(Parametrizations.Cayley()),
            layer.parametrization("weight").Parametrization,
            "two registrations make the chain"
        );
        claims.AtMost(1e-5, Defect(Weight(layer)), "|W^T W - I|");

        // A reflection too: without a base, the Cayley map reaches rotations only.
        var orthogonal = Parametrizations.Orthogonal().Sample([5, 5]);
        orthogonal[0].mul_(-linalg.det(orthogonal).sign());
        layer.parametrization("weight").Value = orthogonal;
        claims.AtMost(
            -0.999,
            linalg.det(orthogonal).ToDouble(),
            "determinant of an orthogonal matrix that is assigned"
        );
        claims.AtMost(0, Distance(Weight(layer), orthogonal), "it comes back exactly, difference");
        claims.AtMost(0, Largest(Original(layer)), "the parameter is then");
        var held = layer.state_dict()["parametrizations.weight.1.base"];
        claims.AtMost(0, Distance(held, orthogonal), "the base holds the matrix, difference");
        claims.Refused<ParametrizationException>(
            () => layer.parametrization("weight").Value = orthogonal * 2,
            "a matrix that is not orthogonal is refused"
        );

        var share = new Regression(layer, randn(8, 5)).Train(optim.Adam(layer.parameters(), lr: 0.05), steps: 100);
        claims.AtMost(0.9, share, "training reduces the loss to a share of");
        claims.AtMost(1e-5, Defect(Weight(layer)), "|W^T W - I| after training");

        var reached = Weight(layer).detach().clone();
        layer.parametrization("weight").MoveBase();
        claims.AtMost(1e-5, Distance(Weight(layer), reached), "moving the base keeps the weight, difference");
        claims.AtMost(0, Largest(Original(layer)), "and the parameter is again");
    }
}

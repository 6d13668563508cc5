using Parametrize.CSharp;
using static Notebook.Measured;
using static TorchSharp.torch;

namespace Notebook.Chapters;

internal sealed class Assignment : IChapter
{
    public string Title => "Assigning a skew matrix and reading it back";

    public void Check(Claims claims)
    {
        var layer = nn.Linear(4, 4).register_parametrization("weight", Parametrizations.Skew);
        var random = randn(4, 4);
        var skew = random - random.mT;

        layer.parametrization("weight").Value = skew;
        claims.AtMost(0, Distance(Weight(layer), skew), "a skew matrix comes back, difference");

        claims.Refused<ParametrizationException>(
            () => layer.parametrization("weight").Value = random,
            "one that is not skew is refused"
        );
        claims.AtMost(0, Distance(Weight(layer), skew), "which changes nothing, difference");

        var error = layer.parametrization("weight").TryAssign(eye(4));
        claims.That(error is { IsNotAllowed: true }, "trying tells the reason without throwing", $"{error}");
        claims.Refused<ParametrizationException>(
            () => layer.parametrization("weight").Value = zeros(3, 3),
            "one of another shape is refused"
        );

        var projected = Parametrizations.Skew.Project(random);
        layer.parametrization("weight").Value = projected;
        claims.AtMost(
            0,
            Distance(Weight(layer), (random - random.mT) / 2),
            "its projection is allowed, difference from (X - X^T) / 2"
        );

        layer.weight = nn.Parameter(-projected);
        claims.AtMost(
            0,
            Distance(Weight(layer), -projected),
            "assigning to the layer's own property works too, difference"
        );
    }
}

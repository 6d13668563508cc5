using Parametrize.CSharp;
using static Notebook.Measured;
using static TorchSharp.torch;

namespace Notebook.Chapters;

internal sealed class PrunedConvolution : IChapter
{
    public string Title => "A convolution with a share of its entries pruned";

    public void Check(Claims claims)
    {
        var convolution = nn.Conv2d(8, 16, 3);
        var before = convolution.weight!.detach().clone();
        convolution.register_parametrization("weight", Parametrizations.PrunedBernoulli(probability: 0.2, seed: 1));

        var pruned = Weight(convolution).eq(0);
        claims.Between(
            0.17,
            0.23,
            Zeros(Weight(convolution)) / (double)before.numel(),
            "share of zeros, asked for 0.2"
        );
        claims.AtMost(
            0,
            Distance(Weight(convolution), before * pruned.logical_not()),
            "the others are as before, difference"
        );

        var first = Weight(convolution).detach().clone();
        var inputs = randn(4, 8, 6, 6);
        var share = new Regression(convolution, inputs).Train(
            optim.Adam(convolution.parameters(), lr: 0.01),
            steps: 30
        );
        claims.AtMost(0.95, share, "training reduces the loss to a share of");
        claims.AtMost(0, Largest(Weight(convolution)[pruned]), "largest pruned entry after training");
        claims.Equal(0, Zeros((Weight(convolution) - first)[pruned.logical_not()]), "others that have not moved");

        claims.Refused<ParametrizationException>(
            () => convolution.parametrization("weight").Value = before,
            "a weight with other entries than zero there is refused"
        );

        var smallest = nn.Conv2d(8, 16, 3).register_parametrization("weight", Parametrizations.PrunedL1(0.25));
        claims.Equal(288, Zeros(Weight(smallest)), "a quarter of 1152 entries, those of smallest modulus, is zero");
    }
}

using Microsoft.FSharp.Collections;
using Parametrize;
using Parametrize.CSharp;
using TorchSharp;
using static Notebook.Measured;
using static TorchSharp.torch;

namespace Notebook.Chapters;

internal sealed class TwoOnOneTensor : IChapter
{
    public string Title => "Two parametrizations on one tensor";

    public void Check(Claims claims)
    {
        var layer = nn.Linear(6, 6).register_parametrization("weight", Parametrizations.Symmetric).spectral_norm();
        layer.eval();
        claims.Equal("symmetric >>> spectralNorm", $"{layer.parametrization("weight").Parametrization}", "the chain");
        claims.AtMost(0, Distance(Weight(layer), Weight(layer).mT), "|W - W^T|");
        claims.AtMost(1e-5, Math.Abs(SpectralNorm(Weight(layer)) - 1), "distance of the spectral norm from 1");

        var definite = nn.Linear(4, 4)
            .register_parametrization("weight", Parametrizations.Symmetric)
            .register_parametrization("weight", Parametrizations.Of(new Exponential()));
        var assigned = eye(4) * 2;
        definite.parametrization("weight").Value = assigned;
        claims.AtMost(
            1e-6,
            Distance(Weight(definite), assigned),
            "symmetric, then an exponential of one's own: the right inverse runs through both, difference"
        );
        claims.AtMost(1e-6, Distance(Original(definite), eye(4) * Math.Log(2)), "and leaves a logarithm, difference");
        var share = new Regression(definite, randn(8, 4)).Train(optim.Adam(definite.parameters(), lr: 0.02), steps: 50);
        claims.AtMost(0.9, share, "training reduces the loss to a share of");
        claims.MoreThan(
            0.01,
            linalg.eigvalsh(Weight(definite)).min().ToDouble(),
            "it is positive definite, smallest eigenvalue"
        );

        claims.Refused<ParametrizationException>(
            () => Parametrizations.Symmetric.Then(Parametrizations.Cayley()),
            "two that do not fit are refused when they are put together"
        );
    }

    private static double SpectralNorm(Tensor matrix) => linalg.svdvals(matrix).max().ToDouble();

    /// <summary>A parametrization of one's own that reads symmetric matrices.</summary>
    private sealed class Exponential()
        : CustomNode("exponential", Spaces.PositiveDefinite, Domain.NewWithin(Spaces.Symmetric))
    {
        protected override Tensor Forward(Tensor input) => matrix_exp(input);

        protected override Tensor RightInverse(Tensor value)
        {
            var (values, vectors) = linalg.eigh((value + value.mT) / 2);
            return (vectors * values.clamp_min(1e-6).log()).mm(vectors.mT);
        }
    }
}

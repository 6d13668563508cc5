using Parametrize;
using Parametrize.CSharp;
using static Notebook.Measured;
using static TorchSharp.torch;

namespace Notebook.Geotorch;

/// <summary>Each constraint of geotorch, on a layer that is trained.</summary>
internal sealed class EveryConstraint : IChapter
{
    private static readonly (string Theirs, Parametrization Ours)[] Constraints =
    [
        ("symmetric", Parametrizations.Symmetric),
        ("skew", Parametrizations.Skew),
        ("sphere", Parametrizations.SphereExp()),
        ("orthogonal", Parametrizations.Orthogonal()),
        ("grassmannian", Parametrizations.Grassmann),
        ("almost_orthogonal", Parametrizations.AlmostOrthogonal(0.3, AlmostOrthogonalMap.Sine)),
        ("invertible", Parametrizations.Invertible),
        ("sln", Parametrizations.SpecialLinear),
        ("low_rank", Parametrizations.LowRank(2)),
        ("fixed_rank", Parametrizations.FixedRank(2)),
        ("positive_definite", Parametrizations.Spd()),
        ("positive_semidefinite", Parametrizations.Psd),
        ("positive_semidefinite_low_rank", Parametrizations.PsdLowRank(2)),
        ("positive_semidefinite_fixed_rank", Parametrizations.PsdFixedRank(2)),
        ("SO", Parametrizations.SpecialOrthogonal),
        ("ObliqueManifold", Parametrizations.Sphere().Transposed()),
    ];

    public string Title => "geotorch: every constraint";

    public void Check(Claims claims)
    {
        foreach (var (theirs, ours) in Constraints)
        {
            var layer = nn.Linear(6, 6).register_parametrization("weight", ours);
            var optimizer = optim.SGD(layer.parameters(), 0.05);
            var regression = new Regression(layer, randn(16, 6));
            var share = regression.Train(optimizer, steps: 30);
            using var weight = Weight(layer);
            claims.That(
                ours.Contains(weight) && share < 1,
                $"{theirs}, here {ours}, is trained and stays in its space",
                $"the loss falls to {share:g3} of what it was"
            );
        }
    }
}

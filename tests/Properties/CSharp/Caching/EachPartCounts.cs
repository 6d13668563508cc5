using Parametrize;
using Parametrize.CSharp;
using Properties.CSharp.Support;
using TorchSharp.Modules;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp.Caching;

/// <summary>A value of several parts is computed again whichever of them was written, in whatever scope.</summary>
public class EachPartCounts
{
    private static readonly (string Name, Parametrization Value)[] Values =
    [
        ("weight norm", Parametrizations.WeightNorm()),
        ("low rank", Parametrizations.LowRank(2)),
        ("sum", Parametrizations.Sum(Parametrizations.Identity, Parametrizations.LowRank(1))),
        ("product", Parametrizations.Product(Parametrizations.Identity, Parametrizations.Invertible)),
        ("block diagonal", Parametrizations.BlockDiagonal(Parametrizations.Skew, Parametrizations.Spd())),
        ("orthogonal", Parametrizations.Orthogonal()),
        ("pruned", Parametrizations.Pruned(Pruning.NewL1(Amount.NewShare(0.25)))),
        ("spectral norm", Parametrizations.SpectralNorm()),
    ];

    public static TheoryData<string, string> Cases
    {
        get
        {
            var data = new TheoryData<string, string>();
            foreach (var (name, _) in Values)
            foreach (var scope in (string[])["none", "cached", "cached model"])
                data.Add(name, scope);
            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Written_in_turn(string name, string scope)
    {
        var value = Values.Single(entry => entry.Name == name).Value;
        var layer = nn.Linear(4, 4, hasBias: false).register_parametrization("weight", value);
        layer.eval();
        using var _ = no_grad();
        var tensor = layer.parametrization("weight");
        foreach (var parameter in tensor.parameters())
            parameter.add_(0.125); // A low rank begins at zero, which hides one factor.
        using var cached = scope switch
        {
            "cached" => parametrize.cached(),
            "cached model" => parametrize.cached(layer),
            _ => null,
        };
        var twin = nn.Linear(4, 4, hasBias: false).register_parametrization("weight", value);
        twin.eval();
        var before = layer.call(eye(4));
        foreach (var (part, parameter) in tensor.named_parameters())
        {
            parameter.add_(0.25);
            var after = layer.call(eye(4));
            Assert.True(Near.Distance(before, after) > 1e-3, $"{part} of {name} was written, and the value stayed");
            parametrize.copy_parametrizations(layer, twin);
            Near.Same(twin.call(eye(4)), after);
            before = after;
        }
    }
}

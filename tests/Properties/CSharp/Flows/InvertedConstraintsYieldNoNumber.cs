using Parametrize;
using Parametrize.CSharp;
using Parametrize.Flows;
using Properties.CSharp.Support;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp.Flows;

/// <summary>An inverted constraint takes tensors of its space only: of any other it yields NaN, beside the numbers of those inside.</summary>
public class InvertedConstraintsYieldNoNumber
{
    public static TheoryData<string> Codes => ["positive", "unitInterval", "ordered", "simplex"];

    [Theory]
    [MemberData(nameof(Codes))]
    public void Of_what_is_outside(string code)
    {
        using var scope = NewDisposeScope();
        Seeded.Everywhere(2);
        var value = Parametrizations.Parse(code);
        using var layer = new Constrained(value).Inverted();
        // One at a time: some values yield sets of whole vectors.
        var inside = cat([.. Enumerable.Range(0, 3).Select(_ => value.Sample([1, 4], float64))], 0);
        var outside = tensor(
            new double[,]
            {
                { 3, 2, -1, 7 },
            }
        );
        var found = layer.inverse(cat([inside, outside], 0));
        Assert.True(found[..3].isfinite().all().item<bool>());
        Assert.True(found[3].isnan().all().item<bool>());
        Near.Same(inside, layer.forward(found[..3]), 1e-6);
    }
}

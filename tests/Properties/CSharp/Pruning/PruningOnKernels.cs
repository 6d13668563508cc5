using Parametrize;
using Parametrize.CSharp;
using Properties.CSharp.Support;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp;

/// <summary>Prunings of kernels read as matrices: one behind another is what it is on the matrix.</summary>
public class PruningOnKernels
{
    private static readonly Parametrization[] Prunings =
    [
        Parametrizations.PrunedL1(0.5),
        Parametrizations.PrunedL1(5L),
        Parametrizations.PrunedUpTo(0.6),
        Parametrizations.PrunedBernoulli(0.3, 3),
        Parametrizations.PrunedRandom(0.25, 4),
        Parametrizations.PrunedRandomStructured(1L, 0, 5),
        Parametrizations.PrunedLn(0.5, 2, 1),
        Parametrizations.PrunedGroups(1, 2),
        Parametrizations.PrunedBy(linspace(-1, 3, 48).round().clamp(0, 1).reshape(4, 12)),
    ];

    public static TheoryData<int, int> Pairs
    {
        get
        {
            var pairs = new TheoryData<int, int>();
            for (var first = 0; first < Prunings.Length; first++)
            for (var second = 0; second < Prunings.Length; second++)
                pairs.Add(first, second);
            return pairs;
        }
    }

    [Fact]
    public void Half_of_half_is_a_quarter()
    {
        var once = Parametrizations.OnKernel(Parametrizations.PrunedL1(0.5));
        var layer = nn.Conv2d(4, 8, 3);
        layer.register_parametrization("weight", once).register_parametrization("weight", once);
        Assert.Equal(layer.Value().numel() * 3 / 4, layer.Value().Zeros());
        Assert.Equal(
            ["bias", "parametrizations.weight.original", "parametrizations.weight.0.mask"],
            layer.state_dict().Keys
        );
    }

    [Theory]
    [MemberData(nameof(Pairs))]
    public void Are_those_of_the_matrix(int first, int second)
    {
        var (earlier, later) = (Prunings[first], Prunings[second]);
        Seeded.Everywhere(first * 9 + second);
        var kernel = new PrunedModules.Weighted(randn(4, 3, 2, 2, dtype: ScalarType.Float64));
        var matrix = new PrunedModules.Weighted(kernel.weight.flatten(1));
        var hidden = kernel.weight.detach().clone();
        foreach (var value in new[] { earlier, later })
        {
            kernel.register_parametrization("weight", Parametrizations.OnKernel(value));
            matrix.register_parametrization("weight", value);
        }

        Near.Identical(matrix.Value(), kernel.Value().flatten(1));
        Near.Identical(matrix.Mask(), kernel.Mask());
        Near.Identical(hidden, kernel.parametrization("weight").get_parameter("original")!);
        Assert.Equal(Parametrizations.OnKernel(earlier.Then(later)), kernel.parametrization("weight").Parametrization);
    }

    [Theory]
    [MemberData(nameof(Pairs))]
    public void Are_those_of_the_matrix_when_both_come_at_once(int first, int second)
    {
        var (earlier, later) = (Prunings[first], Prunings[second]);
        var both = Parametrizations.OnKernel(earlier).Then(Parametrizations.OnKernel(later));
        Assert.Equal(Parametrizations.OnKernel(earlier.Then(later)), both);
        Assert.Equal($"{Parametrizations.OnKernel(earlier.Then(later))}", $"{both}");

        Seeded.Everywhere(first * 9 + second);
        using var weight = randn(4, 3, 2, 2, dtype: ScalarType.Float64);
        using var kernel = new ParametrizedTensor(both, weight);
        using var matrix = new ParametrizedTensor(earlier.Then(later), weight.flatten(1));
        Near.Identical(matrix.Value, kernel.Value.flatten(1));
        kernel.Value = kernel.Value.detach() * 2;
        Near.Identical(matrix.Value * 2, kernel.Value.flatten(1));
    }

    public static TheoryData<string> Verbs =>
        ["l1", "ln", "random", "random structured", "custom", "n of m", "up to", "global", "identity"];

    /// <summary>The verbs see the kernel: half of what the matrix has left is pruned, and none of it comes back.</summary>
    [Theory]
    [MemberData(nameof(Verbs))]
    public void Can_be_followed_by_the_verbs(string verb)
    {
        Seeded.Everywhere(3);
        var layer = nn.Conv2d(4, 8, 2);
        layer.register_parametrization("weight", Parametrizations.OnKernel(Parametrizations.PrunedL1(32L)));
        using var before = layer.Value().clone();
        _ = verb switch
        {
            "l1" => layer.l1_unstructured("weight", 0.5),
            "ln" => layer.ln_structured("weight", 0.5, 2, 0),
            "random" => layer.random_unstructured("weight", 0.5, 1),
            "random structured" => layer.random_structured("weight", 0.5, 0, 1),
            "custom" => layer.custom_from_mask("weight", rand(8, 4, 2, 2).round()),
            "n of m" => layer.n_m("weight", 1, 2),
            "up to" => layer.up_to("weight", 0.75),
            "global" => Globally(),
            _ => prune.identity(layer, "weight"),
        };
        using var after = layer.Value().clone();
        Near.Identical(before * after.ne(0), after);
        Assert.True(layer.is_pruned());
        if (verb is "l1" or "random" or "global")
            Assert.Equal(32 + 48, after.Zeros());
        if (verb is "up to")
            Assert.Equal(96, after.Zeros());
        layer.call(randn(1, 4, 3, 3)).sum().backward();

        prune.remove(layer, "weight");
        Assert.False(layer.is_pruned());
        Near.Identical(after, layer.weight.detach());

        TorchSharp.Modules.Conv2d Globally()
        {
            prune.global_unstructured([(layer, "weight")], 0.5);
            return layer;
        }
    }

    [Fact]
    public void Are_refused_whole()
    {
        var once = Parametrizations.OnKernel(Parametrizations.PrunedL1(40L));
        var layer = nn.Conv2d(3, 4, 2).register_parametrization("weight", once);
        var before = Snapshot.Of(layer);
        Assert.Throws<ParametrizationException>(() => layer.register_parametrization("weight", once));
        Assert.Throws<ParametrizationException>(() =>
            layer.register_parametrization(
                "weight",
                Parametrizations.OnKernel(Parametrizations.PrunedL1(1L)),
                WhenNotAllowed.Refuse
            )
        );
        before.AssertUnchanged();
    }

    [Fact]
    public void Are_taken_back_together()
    {
        var once = Parametrizations.OnKernel(Parametrizations.PrunedL1(0.5));
        var model = nn.Sequential(nn.Conv2d(2, 2, 2).register_parametrization("weight", once), nn.Conv2d(2, 2, 2));
        using (no_grad())
            ((TorchSharp.Modules.Conv2d)model[1]).weight.fill_(double.NaN);
        var before = Snapshot.Of(model);
        Assert.Throws<ParametrizationException>(() =>
            model.register_parametrizations<TorchSharp.Modules.Convolution>("weight", once)
        );
        before.AssertUnchanged();
    }

    [Fact]
    public void Are_pruned_by_what_was_assigned_last()
    {
        var kernel = nn.Conv2d(1, 1, (1, 4), bias: false);
        Tensor Entries(params float[] entries) => tensor(entries).reshape(1, 1, 1, 4);
        using (no_grad())
            kernel.weight.copy_(Entries(0.26f, -0.22f, 0.01f, 0.23f));
        kernel.register_parametrization("weight", Parametrizations.OnKernel(Parametrizations.PrunedL1(1L)));
        kernel.weight = nn.Parameter(Entries(3.88f, -4.53f, 0, 4.26f));
        prune.l1_unstructured(kernel, "weight", 1L);
        Assert.Equal([0, 1, 0, 1], kernel.parametrization("weight").Value.ne(0).Entries());
    }
}

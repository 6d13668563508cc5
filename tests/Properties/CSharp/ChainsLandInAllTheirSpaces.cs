using Parametrize;
using Parametrize.CSharp;
using Properties.CSharp.Support;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp;

/// <summary>
/// Chains that mathematics allows compose, register, keep an allowed tensor, train, and land in all spaces that they promise;
/// others are refused in a sentence that names what is missing.
/// </summary>
public class ChainsLandInAllTheirSpaces
{
    private static readonly Tensor Mask = tensor([1.0, 0, 1, 0, 0, 0, 1, 1, 1, 1, 1, 0, 0, 1, 0, 1], [4, 4]);

    private static readonly string Symmetric = $"{Parametrizations.PrunedBy(Mask)}";
    private static readonly string Asymmetric = $"{Parametrizations.PrunedBy(ones(4, 4).triu())}";

    /// <summary>The chain, the spaces of what it yields, and a shape.</summary>
    private static readonly (string Chain, string[] Spaces, long[] Shape)[] Allowed =
    [
        ("positive >>> sphere 1.0", ["positive", "sphere 1.0"], [4, 4]),
        ("positiveBy PositiveMap.Exp >>> sphere 2.0", ["positive", "sphere 2.0"], [3, 5]),
        ("positiveBy PositiveMap.Square >>> sphere 1.0", ["positiveBy PositiveMap.Square", "sphere 1.0"], [4, 4]),
        ("positive >>> spectralNorm", ["positive", "spectralNorm"], [4, 3]),
        ("positive >>> scale 0.5 >>> sphere 1.0", ["positive", "sphere 1.0"], [4, 3]),
        ("diagonal >>> symmetric", ["diagonal", "symmetric"], [4, 4]),
        ("diagonal >>> hermitian", ["diagonal", "hermitian"], [4, 4]),
        ("diagonal >>> " + Symmetric, ["diagonal", Symmetric], [4, 4]),
        ("diagonal >>> spectralNorm", ["diagonal", "spectralNorm"], [4, 4]),
        ("symmetric >>> hermitian", ["hermitian"], [4, 4]),
        ("symmetric >>> spectralNorm", ["symmetric", "spectralNorm"], [4, 4]),
        ("symmetric >>> positive", ["symmetric", "positive"], [4, 4]),
        ("symmetric >>> bounded 0.0 1.0", ["symmetric", "bounded 0.0 1.0"], [4, 4]),
        ("symmetric >>> scale -2.0", ["symmetric"], [4, 4]),
        ("symmetric >>> " + Symmetric, ["symmetric", Symmetric], [4, 4]),
        ("symmetric >>> positive >>> spectralNorm", ["symmetric", "positive", "spectralNorm"], [4, 4]),
        ("hermitian >>> spectralNorm", ["hermitian", "spectralNorm"], [4, 4]),
        ("skew >>> spectralNorm", ["skew", "spectralNorm"], [4, 4]),
        ("skew >>> spectralNorm >>> cayley", ["cayley"], [4, 4]),
        ("skew >>> scale 3.0 >>> matrixExp", ["orthogonal"], [4, 4]),
        ("positive >>> pruned (Pruning.L1 (Amount.Share 0.5))", ["positiveBy PositiveMap.Square"], [4, 4]),
        ("positive >>> pruned (Pruning.Groups(2, 4))", ["pruned (Pruning.Groups(2, 4))"], [4, 4]),
        ("bounded 0.0 1.0 >>> pruned (Pruning.L1 (Amount.Share 0.5))", ["bounded 0.0 1.0"], [4, 4]),
        ("bounded 1.0 2.0 >>> pruned (Pruning.L1 (Amount.Count 3L))", ["bounded 0.0 2.0"], [4, 4]),
        ("triangular Triangle.Lower >>> sphere 1.0", ["triangular Triangle.Lower", "sphere 1.0"], [4, 4]),
        ("triangular Triangle.Upper >>> " + Symmetric, ["triangular Triangle.Upper", Symmetric], [4, 4]),
        ("triangular Triangle.Lower >>> diagonal", ["diagonal"], [4, 4]),
        ("spd >>> spectralNorm", ["spd", "spectralNorm"], [4, 4]),
        ("weightNorm 0 >>> spectralNorm", ["spectralNorm"], [4, 3]),
        ("onKernel symmetric >>> spectralNorm", ["onKernel symmetric", "spectralNorm"], [8, 2, 2, 2]),
        ("onKernel skew >>> onKernel spectralNorm >>> onKernel cayley", ["onKernel orthogonal"], [8, 2, 2, 2]),
        ("onKernel positive >>> onKernel (sphere 1.0)", ["positive", "onKernel (sphere 1.0)"], [4, 2, 2, 2]),
        ("transposed (positive >>> sphere 1.0)", ["positive", "transposed (sphere 1.0)"], [4, 3]),
    ];

    private static readonly ScalarType[] Kinds =
    [
        ScalarType.Float32,
        ScalarType.Float64,
        ScalarType.BFloat16,
        ScalarType.ComplexFloat64,
    ];

    public static TheoryData<int, ScalarType> Cases
    {
        get
        {
            var cases = new TheoryData<int, ScalarType>();
            foreach (var (index, (chain, _, shape)) in Allowed.Index())
            foreach (var dtype in Kinds)
                if (Takes(Parametrizations.Parse(chain), shape, dtype))
                    cases.Add(index, dtype);
            return cases;
        }
    }

    /// <summary>Left, right, and what is missing.</summary>
    public static TheoryData<string, string, string> Refused =>
        new()
        {
            { "symmetric", "sphere 1.0", "positive multiples of each row" },
            { "bounded -1.0 1.0", "sphere 1.0", "positive multiples of each row" },
            { "bounded 1.0 2.0", "spectralNorm", "closed under positive multiples" },
            { "bounded 1.0 2.0", "symmetric", "setting entries to zero" },
            { "positive", "skew", "setting entries to zero" },
            { "orthogonal", "pruned (Pruning.L1 (Amount.Share 0.5))", "setting entries to zero" },
            { "orthogonal", "spectralNormWith { SpectralNorm.defaults with Bound = 2.0 }", "positive multiples" },
            { "symmetric", "pruned (Pruning.L1 (Amount.Share 0.5))", "setting entries to zero" },
            { "symmetric", Asymmetric, "setting entries to zero" },
            { "spd", Symmetric, "setting entries to zero" },
            { "symmetric", "cayley", "skew-symmetric matrices" },
            { "hermitian", "symmetric", "symmetric matrices" },
            { "positive", "positiveBy PositiveMap.Square", "all tensors" },
            { "sphere 1.0", "spd", "all tensors" },
        };

    private static bool Takes(Parametrization value, long[] shape, ScalarType dtype)
    {
        try
        {
            value.Sample(shape, dtype).Dispose();
            return true;
        }
        catch (ArgumentException)
        {
            return false;
        }
    }

    private static void IsInAll(string[] spaces, Tensor tensor)
    {
        foreach (var space in spaces)
            Assert.Null(Parametrizations.Parse(space).Violation(tensor.detach()));
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Allowed_chains_keep_and_train(int index, ScalarType dtype)
    {
        using var _ = NewDisposeScope();
        Seeded.Everywhere(index);
        var (chain, spaces, shape) = Allowed[index];
        var value = Parametrizations.Parse(chain);
        var allowed = value.Sample(shape, dtype);
        IsInAll(spaces, allowed);

        var module = new PrunedModules.Weighted(allowed);
        module.register_parametrization("weight", value, WhenNotAllowed.Refuse);
        using (var kept = module.parametrization("weight").Value)
            Assert.Equal(0, (kept - allowed).abs().max().to(ScalarType.Float64).item<double>(), Tolerance(dtype));

        module = new PrunedModules.Weighted(randn(shape, dtype));
        module.register_parametrization("weight", value);
        var tensor = module.parametrization("weight");
        using var started = tensor.Value;
        IsInAll(spaces, started);

        using var sgd = optim.SGD(module.parameters(), 0.05);
        var target = randn(shape, dtype);
        for (var step = 0; step < 3; step++)
        {
            sgd.zero_grad();
            using var loss = (tensor.Value - target).abs().square().sum();
            loss.backward();
            Assert.All(
                tensor.parameters(),
                parameter => Assert.True(parameter.grad!.isfinite().all().item<bool>(), chain)
            );
            sgd.step();
        }
        tensor.Refresh(); // Power iteration follows slowly.
        using var trained = tensor.Value;
        Assert.True((trained - started).abs().max().to(ScalarType.Float64).item<double>() > 0, chain);
        IsInAll(spaces, trained);

        var another = value.Project(randn(shape, dtype));
        IsInAll(spaces, another);
        tensor.Assign(another, WhenNotAllowed.Project);
        using var assigned = tensor.Value;
        IsInAll(spaces, assigned);
    }

    private static double Tolerance(ScalarType dtype) =>
        dtype switch
        {
            ScalarType.BFloat16 => 5e-2,
            ScalarType.Float32 => 1e-5,
            _ => 1e-12,
        };

    [Theory]
    [MemberData(nameof(Refused))]
    public void Others_are_refused_in_a_sentence(string left, string right, string missing)
    {
        var (first, next) = (Parametrizations.Parse(left), Parametrizations.Parse(right));
        var refusal = Assert.Throws<ParametrizationException>(() => first.Then(next));
        Assert.Contains(missing, refusal.Message);
        Assert.InRange(refusal.Message.Length, 40, 400);
        Assert.EndsWith(".", refusal.Message);
        Assert.DoesNotContain(". ", refusal.Message);
    }
}

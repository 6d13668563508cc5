using FsCheck;
using FsCheck.Fluent;
using Parametrize.CSharp;
using Parametrize.Flows;
using Properties.CSharp.Support;
using TorchSharp;
using static TorchSharp.torch;

namespace Properties.CSharp.Flows;

/// <summary>A layer of each kind, of random sizes and with random parameters. A new layer is one line here.</summary>
public sealed record LayerCase(string Kind, int Seed)
{
    /// <summary>The size of the context of the layers that have one.</summary>
    public const long ContextSize = 2;

    private static readonly Dictionary<string, Func<int, FlowLayer>> Vectors = new()
    {
        ["coupling, affine"] = n => new Coupling(new AffineMap(), Masks.FirstHalf(n), Networks.Mlp(8)),
        ["coupling, affine, odd"] = n => new Coupling(new AffineMap(1.5), Masks.Odd(n), Networks.Mlp()),
        ["coupling, spline"] = n => new Coupling(new SplineMap(5, 2), Masks.Even(n), Networks.Mlp(8)),
        ["coupling, own network"] = n => new Coupling(
            new AffineMap(),
            Masks.LastHalf(n),
            (inputs, outputs) => nn.Sequential(nn.Linear(inputs, 6).orthogonal(), nn.Tanh(), nn.Linear(6, outputs))
        ),
        ["coupling, context"] = n => new Coupling(new SplineMap(4), Masks.Even(n), Networks.Mlp(8), ContextSize),
        ["autoregressive, affine"] = n => new Autoregressive(new AffineMap(), n, [12]),
        ["autoregressive, spline"] = n => new Autoregressive(new SplineMap(4, 3), n, [12, 12]),
        ["autoregressive, context"] = n => new Autoregressive(new AffineMap(), n, [12], ContextSize),
        ["autoregressive, inverted"] = n => new Autoregressive(new AffineMap(), n, [12]).Inverted(),
        ["elementwise, affine"] = n => new Elementwise(new AffineMap(), n),
        ["elementwise, spline"] = n => new Elementwise(new SplineMap(), n),
        ["linear"] = n => new LinearFlow(n),
        ["linear, orthogonal"] = n => new LinearFlow(n, Parametrizations.Orthogonal()),
        ["linear, triangular"] = n => new LinearFlow(
            n,
            Parametrizations.Triangular(Parametrize.Triangle.Lower, unitDiagonal: true)
        ),
        ["linear, positive definite"] = n => new LinearFlow(n, Parametrizations.Spd()),
        ["linear, positive determinant"] = n => new LinearFlow(n, Parametrizations.Invertible),
        ["linear, any, no bias"] = n => new LinearFlow(n, Parametrizations.Identity, hasBias: false),
        ["act norm"] = n => new ActNorm(n),
        ["permutation"] = n => Permutation.Random(n, seed: n),
        ["reversed"] = n => Permutation.Reverse(n),
        ["constrained, interval"] = _ => new Constrained(Parametrizations.UnitInterval),
        ["constrained, positive"] = _ => new Constrained(Parametrizations.Positive),
        ["constrained, ordered"] = _ => new Constrained(Parametrizations.Ordered),
        ["constrained, simplex"] = _ => new Constrained(Parametrizations.Simplex),
        ["constrained, inverted"] = _ => new Constrained(Parametrizations.Bounded(-1, 3)).Inverted(),
        ["slice"] = n => new Slice(n, new StandardNormal(2)),
        ["slice, conditional"] = n => new Slice(
            n,
            new ConditionalNormal([2], Networks.Mlp(8)(n, 4)),
            isConditional: true
        ),
        ["slice, flow"] = n => new Slice(
            n,
            new Coupling(new AffineMap(), Masks.Even(2), Networks.Mlp(8)) >> new StandardNormal(2)
        ),
        ["submersion"] = n => new OrthonormalSubmersion(n + 2, n),
        ["injection"] = n => new OrthonormalInjection(n + 2, n),
        ["several"] = n =>
            new ActNorm(n)
            >> new LinearFlow(n)
            >> new Coupling(new SplineMap(4), Masks.Even(n), Networks.Mlp(8))
            >> new Slice(n - 1, new StandardNormal(1)),
    };

    private static readonly Dictionary<string, Func<FlowLayer>> Images = new()
    {
        ["image: coupling"] = () => new Coupling(new AffineMap(), Masks.Even(4), Networks.Convolutions(4)),
        ["image: coupling, context"] = () =>
            new Coupling(new SplineMap(4), Masks.Odd(4), Networks.Convolutions(4), ContextSize),
        ["image: linear"] = () => new LinearFlow(4),
        ["image: act norm"] = () => new ActNorm(4),
        ["image: elementwise"] = () => new Elementwise(new SplineMap(4), 4),
        ["image: permutation"] = () => new Permutation(2, 0, 3, 1),
        ["image: squeeze"] = () => new Squeeze(),
        ["image: reshape"] = () => new Reshape([16], [4, 2, 2]),
        ["image: constrained"] = () => new Constrained(Parametrizations.UnitInterval),
        ["image: slice"] = () =>
            new Slice(4, new ConditionalNormal([3, 2, 2], Networks.Convolutions(4)(4, 6)), isConditional: true),
        ["image: multi-scale"] = () =>
            new Squeeze()
            >> new Coupling(new AffineMap(), Masks.Even(8), Networks.Convolutions(4))
            >> new Slice(4, new StandardNormal(4, 2, 2)),
    };

    public static IEnumerable<string> Kinds => [.. Vectors.Keys, .. Images.Keys];

    public static Arbitrary<LayerCase> Arbitrary() =>
        (
            from kind in Gen.Elements(Kinds)
            from seed in Gen.Choose(0, 100_000)
            select new LayerCase(kind, seed)
        ).ToArbitrary();

    public bool HasContext => Kind.Contains("context", StringComparison.Ordinal);

    /// <summary>The layer as it begins.</summary>
    internal FlowLayer Made() => Images.TryGetValue(Kind, out var image) ? image() : Vectors[Kind](Features);

    /// <summary>The layer in float64, its parameters moved at random.</summary>
    internal FlowLayer Layer()
    {
        Seeded.Everywhere(Seed);
        var layer = Made();
        layer.to(float64);
        layer.eval();
        using var _ = no_grad();
        foreach (var parameter in layer.parameters())
            parameter.add_(randn_like(parameter) * 0.3);
        return layer;
    }

    /// <summary>Latent tensors `[count, ...]`.</summary>
    internal Tensor Latents(int count)
    {
        long[] shape = [count, .. Images.ContainsKey(Kind) ? [4, 2, 2] : new long[] { LatentFeatures }];
        // An inverted layer yields tensors of its space only.
        return Kind == "constrained, inverted" ? rand(shape, dtype: float64) * 4 - 1 : randn(shape, dtype: float64);
    }

    internal Tensor? Context(int count) => HasContext ? randn(count, ContextSize, dtype: float64) : null;

    private int Features => 2 + Seed % 4;

    private int LatentFeatures => Kind == "several" ? Features - 1 : Features;
}

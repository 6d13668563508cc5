using Parametrize.CSharp;
using Parametrize.Flows;
using Properties.CSharp.Support;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp.Flows;

/// <summary>The density of a flow on the plane integrates to 1, and its samples follow it.</summary>
public class FlowsAreDensities
{
    /// <summary>Half the side of the square in which the mass is.</summary>
    private const double Half = 12;

    /// <summary>Cells of the quadrature along one side, and of those one of a histogram.</summary>
    private const int Cells = 720;
    private const int Coarse = 30;

    private const int Samples = 20_000;

    private static FlowLayer Couplings(IElementMap map) =>
        new Coupling(map, Masks.Even(2), Networks.Mlp(8)) >> new Coupling(map, Masks.Odd(2), Networks.Mlp(8));

    private static readonly Dictionary<string, Func<Flow>> Planes = new()
    {
        ["affine coupling"] = () => new(Couplings(new AffineMap(1)), 2),
        ["spline coupling"] = () => new(Couplings(new SplineMap(5)), 2),
        ["autoregressive"] = () => new(new Autoregressive(new SplineMap(5), 2, [8]), 2),
        ["inverse autoregressive"] = () => new(new Autoregressive(new AffineMap(1), 2, [8]).Inverted(), 2),
        ["linear"] = () => new(new LinearFlow(2) >> new ActNorm(2) >> Permutation.Reverse(2), 2),
        ["elementwise"] = () => new(new Elementwise(new SplineMap(), 2), 2),
        ["in a square"] = () => new(new Constrained(Parametrizations.Bounded(-4, 4)) >> Couplings(new AffineMap(1)), 2),
        ["in a half plane"] = () => new(new Constrained(Parametrizations.Ordered) >> Couplings(new AffineMap(1)), 2),
        ["slice"] = () => new Slice(1, new StandardNormal(1)) >> new StandardNormal(1),
        ["conditional slice"] = () =>
            Couplings(new SplineMap(5))
            >> new Slice(1, new ConditionalNormal([1], Networks.Mlp(8)(1, 2)), isConditional: true)
            >> new StandardNormal(1),
        ["flow on the fibre"] = () =>
            new Slice(1, new Elementwise(new SplineMap(5), 1) >> new StandardNormal(1)) >> new StandardNormal(1),
        ["submersion"] = () => Couplings(new AffineMap(1)) >> new OrthonormalSubmersion(2, 1) >> new StandardNormal(1),
        ["distribution of TorchSharp"] = () =>
            new LinearFlow(2, Parametrizations.Orthogonal())
            >> new DistributionDensity(distributions.Laplace(zeros(2, dtype: float64), ones(2, dtype: float64))),
    };

    public static TheoryData<string> Names => [.. Planes.Keys];

    private static Flow Made(string name)
    {
        Seeded.Everywhere(4);
        var flow = Planes[name]();
        flow.to(float64);
        flow.eval();
        using var _ = no_grad();
        foreach (var parameter in flow.parameters())
            parameter.add_(randn_like(parameter) * 0.15);
        return flow;
    }

    /// <summary>The probability of each cell, by the density in its middle.</summary>
    private static Tensor Probabilities(Flow flow)
    {
        var side = 2 * Half / Cells;
        var middles = arange(Cells, dtype: float64).add(0.5).mul(side).sub(Half);
        var points = cartesian_prod(middles, middles);
        return (flow.log_prob(points).exp() * (side * side)).reshape(Cells, Cells);
    }

    [Theory, MemberData(nameof(Names))]
    public void The_density_integrates_to_one(string name)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        using var flow = Made(name);
        var mass = Probabilities(flow).sum().item<double>();
        Assert.InRange(mass, 0.998, 1.002);
    }

    [Theory, MemberData(nameof(Names))]
    public void Samples_are_made_where_the_flow_is(string name)
    {
        using var scope = NewDisposeScope();
        using var flow = Made(name);
        var device = get_default_device();
        using var _ = new NoDefaultDevice();
        var samples = flow.sample(3);
        Assert.Equal(device.type, samples.device_type);
        Assert.False(flow.log_prob(samples).isnan().any().item<bool>());
    }

    [Theory, MemberData(nameof(Names))]
    public void Samples_follow_the_density(string name)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        using var flow = Made(name);
        const int bins = Cells / Coarse;
        var expected = Probabilities(flow).reshape(bins, Coarse, bins, Coarse).sum([1L, 3L]).flatten() * Samples;
        Seeded.Everywhere(9);
        var cells = ((flow.sample(Samples) + Half) * (bins / (2 * Half))).floor().clamp(0, bins - 1).to(int64);
        var found = (cells.select(1, 0) * bins + cells.select(1, 1)).bincount(null, bins * bins).to(float64);
        var isFull = expected.gt(20);
        var count = isFull.sum().item<long>();
        // Pearson's statistic: mean count, variance twice that.
        var statistic = ((found - expected).square() / expected).masked_select(isFull).sum().item<double>();
        Assert.InRange(count, 5, bins * bins);
        Assert.True(statistic < count + 5 * Math.Sqrt(2 * count), $"{statistic} for {count} cells.");
    }

    [Fact]
    public void A_density_on_a_line_integrates_to_one_along_it()
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        Seeded.Everywhere(4);
        var injection = new OrthonormalInjection(3, 1);
        injection.Weight.Value = tensor(
            new[,]
            {
                { 0.6f, 0f, 0.8f },
            }
        );
        using var flow = injection >> new Elementwise(new SplineMap(), 1) >> new StandardNormal(1);
        var along = linspace(-10, 10, 4001).unsqueeze(1);
        var mass = flow.log_prob(along.matmul(injection.Weight.Value)).exp().sum().item<float>() * 20 / 4000;
        Assert.InRange(mass, 0.999, 1.001);
        Assert.True(
            flow.log_prob(
                    tensor(
                        new[,]
                        {
                            { 0f, 1f, 0f },
                        }
                    )
                )
                .isneginf()
                .item<bool>()
        );
    }

    [Fact]
    public void A_density_on_the_simplex_integrates_to_one_by_its_area()
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        using var flow = new Flow(new Constrained(Parametrizations.Simplex), 2);
        flow.to(float64);
        const int count = 100_000;
        // A line from (1, 0) to (0, 1), of length sqrt(2).
        var first = arange(count, dtype: float64).add(0.5).div(count);
        var points = stack([first, 1 - first], 1);
        Assert.InRange(flow.log_prob(points).exp().mean().item<double>() * Math.Sqrt(2), 0.9999, 1.0001);
    }

    [Fact]
    public void A_distribution_of_torch_on_the_simplex_is_one_by_its_area()
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        using var flow =
            new Constrained(Parametrizations.Simplex).Inverted()
            >> new DistributionDensity(distributions.Dirichlet(tensor(new[] { 2.0, 1.0, 3.0 })));
        flow.to(float64);
        var middles = arange(400, dtype: float64).add(0.5).mul(0.06).sub(12);
        var mass = flow.log_prob(cartesian_prod(middles, middles)).exp().sum().item<double>() * 0.06 * 0.06;
        Assert.InRange(mass, 0.999, 1.001);
    }

    /// <summary>The densities of independent vectors multiply.</summary>
    [Fact]
    public void Several_vectors_have_the_product_of_their_densities()
    {
        using var _ = NewDisposeScope();
        var sizes = tensor(new[] { 2.0, 1, 3, 1, 1, 1 }).reshape(2, 3);
        var data = tensor(new[] { 0.2, 0.3, 0.5, 0.1, 0.6, 0.3 }).reshape(1, 2, 3);
        var all = new DistributionDensity(distributions.Dirichlet(sizes)).log_prob(data);
        var each = Enumerable
            .Range(0, 2)
            .Select(row => new DistributionDensity(distributions.Dirichlet(sizes[row])).log_prob(data.select(1, row)));
        Near.Same(each.Aggregate((left, right) => left + right), all, 1e-12);
    }

    public static TheoryData<string, Func<distributions.Distribution>, double, double> Supports { get; } =
        new()
        {
            { "Exponential", () => distributions.Exponential(ones(1, dtype: float64)), 0, 30 },
            { "Beta", () => distributions.Beta(ones(1, dtype: float64), ones(1, dtype: float64)), 0, 1 },
            { "Beta(2, 3)", () => distributions.Beta(ones(1, dtype: float64) * 2, ones(1, dtype: float64) * 3), 0, 1 },
            { "Uniform", () => distributions.Uniform(zeros(1, dtype: float64), ones(1, dtype: float64) * 2), 0, 2 },
            { "Gamma", () => distributions.Gamma(ones(1, dtype: float64) * 2, ones(1, dtype: float64)), 0, 40 },
            { "LogNormal", () => distributions.LogNormal(zeros(1, dtype: float64), ones(1, dtype: float64)), 0, 200 },
        };

    /// <summary>TorchSharp does not look at supports.</summary>
    [Theory, MemberData(nameof(Supports), DisableDiscoveryEnumeration = true)]
    public void Distributions_have_their_mass_in_their_support(
        string name,
        Func<distributions.Distribution> made,
        double low,
        double high
    )
    {
        using var scope = NewDisposeScope();
        var density = new DistributionDensity(made());
        const int count = 200_000;
        var step = (high - low) / count;
        var inside = arange(count, dtype: float64).add(0.5).mul(step).add(low).unsqueeze(1);
        Assert.InRange(density.log_prob(inside).exp().sum().item<double>() * step, 0.997, 1.003);
        double[] outside =
        [
            -1e-3,
            -1,
            -100,
            .. name is "Beta" or "Beta(2, 3)" or "Uniform" ? [high + 0.01, 100.0] : Array.Empty<double>(),
        ];
        Assert.True(density.log_prob(tensor(outside).unsqueeze(1)).isneginf().all().item<bool>(), name);
    }

    /// <summary>A datum where nothing is has no density, and spoils no gradient of the others.</summary>
    [Fact]
    public void Data_outside_of_a_support_train_nothing()
    {
        using var scope = NewDisposeScope();
        (distributions.Distribution, float)[] cases =
        [
            (distributions.LogNormal(zeros(1), ones(1)), -1),
            (distributions.Gamma(ones(1) * 2, ones(1)), 0),
            (distributions.Gamma(ones(1), ones(1)), -1),
            (distributions.Beta(ones(1) * 2, ones(1) * 2), 1),
            (distributions.Exponential(ones(1)), -1),
            (distributions.Chi2(ones(1) * 3), -1),
        ];
        foreach (var (distribution, outside) in cases)
        {
            using var flow = new LinearFlow(1) >> new DistributionDensity(distribution);
            Tensor[] Gradients(params float[] data)
            {
                flow.zero_grad();
                var densities = flow.log_prob(tensor(data).unsqueeze(1));
                densities.masked_select(densities.isfinite()).sum().backward();
                return
                [
                    .. flow.parameters()
                        .Select(parameter => parameter.grad)
                        .OfType<Tensor>()
                        .Select(gradient => gradient.clone()),
                ];
            }
            var (expected, found) = (Gradients(0.3f, 0.6f), Gradients(0.3f, outside, 0.6f));
            foreach (var (left, right) in expected.Zip(found))
                Near.Same(left, right);
            Assert.True(flow.log_prob(tensor(new[] { outside }).unsqueeze(1)).isneginf().item<bool>());
        }
    }

    [Fact]
    public void A_slice_tells_the_density_of_what_it_has_drawn()
    {
        using var scope = NewDisposeScope();
        var shifted = new Elementwise(new AffineMap(), 1);
        using (no_grad())
            shifted.parameters().Single().select(-1, 0).fill_(-20);
        var dropped = new Constrained(Parametrizations.UnitInterval) >> shifted >> new StandardNormal(1);
        var flow = new Slice(1, dropped) >> new StandardNormal(1);
        Assert.True(flow.rsample_and_log_prob(50).LogDensity.isfinite().all().item<bool>());
    }

    [Fact]
    public void Distributions_of_which_TorchSharp_has_no_support()
    {
        var one = ones(1);
        Assert.ThrowsAny<ArgumentException>(() =>
            new DistributionDensity(distributions.Independent(distributions.Exponential(ones(2)), 1))
        );
        Assert.ThrowsAny<ArgumentException>(() => new DistributionDensity(distributions.Weibull(one, one)));
        Assert.ThrowsAny<ArgumentException>(() => new DistributionDensity(distributions.Pareto(one, one)));
        var dirichlet = new DistributionDensity(distributions.Dirichlet(ones(3)));
        var data = tensor(new[] { 5f, 5, 5, .2f, .2f, .2f, .2f, .3f, .5f }).reshape(3, 3);
        Assert.Equal([true, true, false], dirichlet.log_prob(data).isneginf().data<bool>().ToArray());
    }

    /// <summary>On an edge lies nothing, though rounding admits it.</summary>
    [Theory]
    [InlineData("bounded 0.0 1.0", 0.0, 1.0)]
    [InlineData("bounded -1.0 1.0", -1.0, 1.0)]
    [InlineData("bounded 5.0 infinity", 5.0, 4.9999999)]
    [InlineData("bounded (-infinity) 5.0", 5.0, 5.0000001)]
    [InlineData("positive", 0.0, -1e-9)]
    [InlineData("bounded 0.0 1.0 >>> scale 2.0", 2.0, 0.0)]
    [InlineData("bounded 0.0 1.0 >>> shift (-0.5)", 0.5, -0.5)]
    [InlineData("positive >>> shift 1.0", 1.0, 0.99999994)]
    [InlineData("positiveBy PositiveMap.Exp >>> shift 1.0", 1.0, 1.0)]
    public void Edges_have_no_density(string value, double edge, double other)
    {
        using var scope = NewDisposeScope();
        var flow = new Flow(new Constrained(Parametrizations.Parse(value)), 1);
        Assert.True(
            flow.log_prob(tensor(new[] { edge, other }).to(float32).unsqueeze(1)).isneginf().all().item<bool>()
        );
    }

    [Fact]
    public void Ties_of_ordered_numbers_have_no_density()
    {
        using var scope = NewDisposeScope();
        var scaled = new Flow(new Constrained(Parametrizations.Ordered.Then(Parametrizations.Scale(3))), 2);
        Assert.True(scaled.log_prob(ones(1, 2)).isneginf().item<bool>());
        var columns = new Constrained(Parametrizations.Ordered.Transposed());
        Assert.True(columns.ForwardWithLogDet(ones(1, 2, 1)).LogDet.isneginf().item<bool>());
        Assert.ThrowsAny<ArgumentException>(() => new Constrained(Parametrizations.OnKernel(Parametrizations.Ordered)));
        var flow = new Flow(new Constrained(Parametrizations.Ordered), 3);
        var data = tensor(new[] { 1f, 1, 2, 0, 1, 2 }).reshape(2, 3);
        Assert.Equal([true, false], flow.log_prob(data).isneginf().data<bool>().ToArray());
    }

    /// <summary>Where numbers in the space are rounded to its edge, the free ones still tell the density.</summary>
    [Fact]
    public void Free_data_keep_their_density_when_they_are_rounded_to_an_edge()
    {
        using var scope = NewDisposeScope();
        using var flow =
            new Constrained(Parametrizations.UnitInterval).Inverted()
            >> new DistributionDensity(distributions.Uniform(zeros(1), ones(1) * (1 + 1e-6f)));
        var x = tensor(new[] { -88f, -15, 0, 15, 17, 30, 80 }).unsqueeze(1).requires_grad_(true);
        // log of the logistic density: -|x| - 2 log(1 + exp(-|x|)).
        var expected = (-x.abs() - 2 * x.abs().neg().exp().log1p()).squeeze(1).detach();
        var found = flow.log_prob(x);
        Near.Same(expected, found, 1e-4);
        found.sum().backward();
        Near.Same(-(x.detach() / 2).tanh(), x.grad!, 1e-4);
    }

    [Theory]
    [InlineData("ordered", 5.0)]
    [InlineData("positiveOrdered", 7.4)]
    [InlineData("bounded 5.0 infinity", 7.4)]
    [InlineData("bounded -1.0 1.0", 7.4)]
    [InlineData("bounded 0.0 1.0", 20.0)]
    public void Samples_in_float32_have_the_densities_of_float64(string value, double deviation)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        double Mean(ScalarType dtype)
        {
            Seeded.Everywhere(2);
            var scale = new Elementwise(new AffineMap(), 10);
            // From data to latent tensors: a division.
            scale.parameters().Single().select(-1, 1).fill_(-Math.Atanh(Math.Log(deviation) / 5) * 5);
            var flow = new Flow(new Constrained(Parametrizations.Parse(value)) >> scale, 10);
            flow.to(dtype);
            return flow.rsample_and_log_prob(20_000).LogDensity.to(float64).mean().item<double>();
        }
        var (single, wide) = (Mean(float32), Mean(float64));
        Assert.True(Math.Abs(single - wide) < 0.5 + 0.02 * Math.Abs(wide), $"{single}, {wide}");
    }

    [Fact]
    public void Log_densities_of_half_precision_do_not_overflow()
    {
        using var scope = NewDisposeScope();
        using var flow = new Flow(new ActNorm(3), 3, 128, 128);
        flow.half();
        flow.eval();
        var found = flow.log_prob(randn(2, 3, 128, 128).to(float16));
        Assert.Equal(float32, found.dtype);
        Assert.True(found.isfinite().all().item<bool>());
        Assert.Equal(float32, flow.to(bfloat16).log_prob(randn(2, 3, 128, 128).to(bfloat16)).dtype);
    }

    [Fact]
    public void The_ends_of_a_support_belong_to_it()
    {
        using var scope = NewDisposeScope();
        double LogDensity(distributions.Distribution distribution, float at) =>
            new DistributionDensity(distribution)
                .log_prob(
                    tensor(
                        new[,]
                        {
                            { at },
                        }
                    )
                )
                .item<float>();
        Assert.Equal(0, LogDensity(distributions.Exponential(ones(1)), 0), 1e-6);
        Assert.Equal(0, LogDensity(distributions.Beta(ones(1), ones(1)), 0), 1e-5);
        Assert.Equal(0, LogDensity(distributions.Beta(ones(1), ones(1)), 1), 1e-5);
    }

    [Fact]
    public void Data_outside_the_space_have_no_density()
    {
        using var scope = NewDisposeScope();
        using var flow = new Flow(new Constrained(Parametrizations.Positive), 2);
        var found = flow.log_prob(
            tensor(
                new[,]
                {
                    { 1f, 2f },
                    { -1f, 2f },
                    { 1f, float.NaN },
                }
            )
        );
        Assert.Equal([true, false, false], found.isfinite().data<bool>().ToArray());
    }

    [Fact]
    public void Dequantized_numbers_have_a_probability()
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        // The uniform density on [0, 1)^3: each of 4^3 data has the same probability.
        using var flow = new Dequantization(4) >> new DistributionDensity(distributions.Uniform(zeros(3), ones(3)));
        var data = randint(0, 4, [5, 3]).to(float32);
        Assert.True(flow.log_prob(data).allclose(full(5, -3 * Math.Log(4), dtype: float32)));
        Assert.True(flow.inverse(flow.forward(data)).equal(data).all().item<bool>());
        Assert.Throws<ArgumentException>(() => flow.log_prob(data + 0.5));
    }

    [Fact]
    public void One_row_of_context_is_that_of_all_data()
    {
        using var scope = NewDisposeScope();
        using var flow = new Flow(new Coupling(new AffineMap(), Masks.Even(2), Networks.Mlp(8), contextSize: 3), 2);
        using (no_grad())
            foreach (var parameter in flow.parameters())
                parameter.add_(randn_like(parameter));
        var (data, row) = (randn(5, 2), randn(1, 3));
        var rows = row.expand(5, 3);
        Near.Same(flow.log_prob(data, rows), flow.log_prob(data, row));
        Near.Same(flow.forward(data, rows), flow.forward(data, row));
        Near.Same(flow.inverse(data, rows), flow.inverse(data, row));
        Assert.Throws<ArgumentException>(() => flow.log_prob(data, randn(2, 3)));
    }

    [Fact]
    public void Samples_come_with_their_densities_and_gradients()
    {
        using var scope = NewDisposeScope();
        using var flow = new LinearFlow(2) >> new StandardNormal(2);
        var (data, density) = flow.rsample_and_log_prob(6);
        Assert.Equal([6, 2], data.shape);
        Near.Same(flow.log_prob(data), density);
        (data.sum() + density.sum()).backward();
        Assert.All(flow.parameters(), parameter => Assert.NotNull(parameter.grad));
    }

    /// <summary>Their latent tensors have fewer dimensions than the data.</summary>
    [Fact]
    public void Matrices_come_from_vectors()
    {
        foreach (var value in new[] { Parametrizations.Correlation, Parametrizations.CorrelationCholesky })
        {
            using var scope = NewDisposeScope();
            var data = value.Sample([4, 3, 3]);
            var flow = new Flow(new Constrained(value), 3, 3);
            var latent = flow.call(data);
            Assert.Equal([4L, 3L], latent.shape);
            Assert.True(flow.log_prob(data).isfinite().all().item<bool>());
            Assert.True(flow.inverse(latent).allclose(data, atol: 1e-4));
        }
    }

    [Fact]
    public void Latent_numbers_beyond_all_levels_become_the_last_or_the_first()
    {
        var layer = new Dequantization(4);
        using var latent = tensor(new float[] { -0.5f, 0, 0.99f, 1, 1.2f, 7 }).reshape(3, 2);
        Assert.Equal([0, 0, 3, 3, 3, 3], layer.inverse(latent).Entries());
    }
}

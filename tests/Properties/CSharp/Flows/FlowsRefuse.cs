using Parametrize;
using Parametrize.CSharp;
using Parametrize.Flows;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp.Flows;

/// <summary>What a flow cannot use it refuses, and says what to do.</summary>
public class FlowsRefuse
{
    private sealed class Own(Func<Tensor, Tensor?> logDet) : FlowLayer(nameof(Own))
    {
        protected override (Tensor Latent, Tensor LogDet) Map(Tensor data, Tensor? context) =>
            (data * 2, logDet(data)!);

        protected override Tensor MapBack(Tensor latent, Tensor? context) => latent / 2;
    }

    private static Flow Plain() =>
        new(new Coupling(new AffineMap(), Masks.Even(2), Networks.Mlp(8)) >> new LinearFlow(2), 2);

    private static void Refuses(Action action, params string[] words)
    {
        var error = Assert.ThrowsAny<ArgumentException>(action);
        Assert.All(words, word => Assert.Contains(word, error.Message, StringComparison.Ordinal));
    }

    [Fact]
    public void A_context_that_nothing_reads()
    {
        var flow = Plain();
        var (data, context) = (randn(3, 2), randn(3, 4));
        Refuses(() => flow.log_prob(data, context), "reads a context", "contextSize: 4");
        Refuses(() => flow.forward(data, context), "reads a context");
        Refuses(() => flow.inverse(data, context), "reads a context");
        Refuses(() => flow.sample(3, context), "reads a context");
        Refuses(() => new ActNorm(2).ForwardWithLogDet(data, context), "reads a context");
        Refuses(() => new Autoregressive(new AffineMap(), 2, [8]).forward(data, context), "reads a context");
    }

    public static TheoryData<string> Inverses =>
        ["inverse positive", "inverse unitInterval", "inverse (above 0.5)", "inverse (bounded 0.0 2.0)"];

    [Theory]
    [MemberData(nameof(Inverses))]
    public void A_normal_density_of_what_a_constraint_reads_in_part(string code)
    {
        var layer = new Constrained(Parametrizations.Parse(code));
        Refuses(() => new Flow(layer, 1), "yields only some of the tensors");
    }

    [Theory]
    [InlineData(ScalarType.Int64)]
    [InlineData(ScalarType.Bool)]
    [InlineData(ScalarType.ComplexFloat32)]
    public void Data_that_are_no_real_numbers(ScalarType dtype)
    {
        var data = zeros(3, 2, dtype: dtype);
        Refuses(() => Plain().log_prob(data), $"{dtype}", "to(float32)");
        Refuses(() => new LinearFlow(2).forward(data), $"{dtype}", "Dequantization");
        var later = Permutation.Reverse(2) >> new Dequantization(4) >> new StandardNormal(2);
        Refuses(() => later.log_prob(data), $"{dtype}", "begins with a Dequantization");
    }

    public static TheoryData<string, Func<distributions.Distribution>> Discrete { get; } =
        new()
        {
            { "Bernoulli", () => distributions.Bernoulli(full(2, 0.5)) },
            { "Binomial", () => distributions.Binomial(full(2, 3), full(2, 0.5)) },
            { "Categorical", () => distributions.Categorical(full([2, 3], 1.0 / 3)) },
            { "Geometric", () => distributions.Geometric(full(2, 0.5)) },
            { "Multinomial", () => distributions.Multinomial(3, full([2, 3], 1.0 / 3)) },
            { "NegativeBinomial", () => distributions.NegativeBinomial(full(2, 3), full(2, 0.5)) },
            { "OneHotCategorical", () => distributions.OneHotCategorical(full([2, 3], 1.0 / 3)) },
            { "Poisson", () => distributions.Poisson(full(2, 3.0)) },
        };

    [Theory]
    [MemberData(nameof(Discrete), DisableDiscoveryEnumeration = true)]
    public void Distributions_without_a_density(string name, Func<distributions.Distribution> made) =>
        Refuses(() => new DistributionDensity(made()), name, "no density", "Dequantization");

    [Fact]
    public void A_context_of_another_kind()
    {
        using var scope = NewDisposeScope();
        var flow = new Flow(new Coupling(new AffineMap(), Masks.Even(2), Networks.Mlp(8), contextSize: 3), 2);
        var data = randn(4, 2);
        Refuses(() => flow.log_prob(data, randn(4, 3, dtype: float64)), "context", "Float64", "Float32");
        Refuses(() => flow.sample(4, randn(4, 3, dtype: complex64)), "context", "ComplexFloat32");
        Refuses(() => flow.log_prob(data, randint(0, 3, [4])), "[4, size]", "one_hot");
        var error = Assert.ThrowsAny<ArgumentException>(() => flow.log_prob(data, randn(3, 3)));
        Assert.DoesNotContain("one_hot", error.Message, StringComparison.Ordinal);
        // Whole numbers are exact.
        var labels = nn.functional.one_hot(tensor(new long[] { 0, 2, 1, 0 }), 3);
        Support.Near.Identical(flow.log_prob(data, labels.to(float32)), flow.log_prob(data, labels));
        var conditional = new ConditionalNormal([2], nn.Linear(3, 4));
        using var based = new Flow(new LinearFlow(2), conditional);
        Support.Near.Identical(based.log_prob(data, labels.to(float32)), based.log_prob(data, labels));
        Support.Near.Identical(flow.forward(data, labels), flow.call(data, labels));
    }

    [Fact]
    public void Layers_that_do_not_meet_each_other()
    {
        Refuses(
            () => new Flow(new LinearFlow(4) >> new Slice(3, new StandardNormal(1)) >> new ActNorm(4), 4),
            "ActNorm(4) takes data with 4 features",
            "It follows Slice(3, StandardNormal(1)), which yields [3]"
        );
        var network = Assert.ThrowsAny<ArgumentException>(() =>
            new Coupling(new AffineMap(), Masks.Even(2), (inputs, _) => nn.Linear(inputs, 5)).forward(randn(3, 2))
        );
        Assert.Contains("has to yield [N, 2]; found [3, 5]", network.Message, StringComparison.Ordinal);
    }

    /// <summary>A density that has mass where the layers yield nothing would lose that mass.</summary>
    [Fact]
    public void Densities_of_more_than_the_layers_yield()
    {
        using var scope = NewDisposeScope();
        FlowLayer[] some =
        [
            new Constrained(Parametrizations.Positive).Inverted(),
            new Constrained(Parametrizations.Simplex).Inverted(),
            new OrthonormalInjection(4, 2).Inverted(),
            new LinearFlow(3) >> new Constrained(Parametrizations.Ordered).Inverted() >> new ActNorm(3),
            (new ActNorm(3) >> new Constrained(Parametrizations.Positive).Inverted()).Inverted().Inverted(),
            (new Elementwise(new SplineMap(), 3) >> new Constrained(Parametrizations.Positive)).Inverted(),
            new Constrained(Parametrizations.UnitInterval).Inverted() >> new Constrained(Parametrizations.Positive),
            new Constrained(Parametrizations.UnitInterval).Inverted()
                >> new Elementwise(new SplineMap(), 3)
                >> new Constrained(Parametrizations.UnitInterval),
            new Constrained(Parametrizations.UnitInterval).Inverted() >> new Slice(2, new StandardNormal(1)),
            new Constrained(Parametrizations.UnitInterval).Inverted() >> new OrthonormalSubmersion(3, 2),
        ];
        foreach (var layer in some)
        {
            var size = layer is var found && found.ToString().Contains("Injection", StringComparison.Ordinal) ? 2 : 3;
            var shape = layer.LatentShape([size]);
            Refuses(() => new Flow(layer, size), "integrate to 1");
            Refuses(() => new Flow(layer, new LinearFlow(shape[0]) >> new StandardNormal(shape)), "integrate to 1");
            Refuses(
                () => new Flow(layer, new DistributionDensity(distributions.Normal(zeros(shape), ones(shape)))),
                "integrate to 1"
            );
        }
        _ = new Flow(new Constrained(Parametrizations.Scale(2.0)).Inverted(), 3);
        _ = new Flow(
            new Constrained(Parametrizations.Positive).Inverted() >> new Constrained(Parametrizations.Positive),
            3
        );
        _ = new Flow(
            new Constrained(Parametrizations.Simplex).Inverted()
                >> new Permutation(2, 0, 3, 1)
                >> new Constrained(Parametrizations.Simplex),
            3
        );
        var positive = new Constrained(Parametrizations.Positive);
        _ = new Flow(positive.Inverted() >> new Constrained(Parametrizations.PositiveBy(PositiveMap.Exp)), 3);
        _ = new Flow(positive.Inverted() >> new Reshape([4], [2, 2]) >> positive, 4);
        var scaled = new Constrained(Parametrizations.Positive.Then(Parametrizations.Scale(2)));
        _ = new Flow(scaled.Inverted() >> new Reshape([4], [2, 2]) >> scaled, 4);
        _ =
            positive.Inverted()
            >> new Flow(Permutation.Reverse(2), new DistributionDensity(distributions.Exponential(ones(2))));
        Refuses(
            () =>
                _ =
                    new Constrained(Parametrizations.UnitInterval).Inverted()
                    >> new Slice(1, new StandardNormal(1))
                    >> (new Constrained(Parametrizations.UnitInterval) >> new StandardNormal(1)),
            "integrate to 1"
        );
        _ = new Flow(
            new Constrained(Parametrizations.UnitInterval).Inverted(),
            (Permutation.Reverse(2) >> new Constrained(Parametrizations.UnitInterval)) >> new StandardNormal(2)
        );
        _ = new Flow(
            new Constrained(Parametrizations.Positive).Inverted(),
            new Constrained(Parametrizations.Positive) >> new StandardNormal(3)
        );
    }

    [Fact]
    public void A_state_that_is_no_permutation()
    {
        using var scope = NewDisposeScope();
        var layer = new Permutation(2, 0, 1);
        var data = randn(2, 3);
        Assert.True(layer.forward(data).equal(data.index_select(1, tensor(new long[] { 2, 0, 1 }))).all().item<bool>());
        layer.load_state_dict(new() { ["order"] = tensor(new long[] { 1, 2, 0 }) });
        Assert.True(layer.forward(data).equal(data.index_select(1, tensor(new long[] { 1, 2, 0 }))).all().item<bool>());
        layer.load_state_dict(new() { ["order"] = tensor(new long[] { 0, 0, 7 }) });
        var error = Assert.Throws<InvalidOperationException>(() => layer.forward(data));
        Assert.Contains("Permutation(0, 0, 7)", error.Message, StringComparison.Ordinal);
        Assert.Throws<InvalidOperationException>(() => layer.inverse(data));
    }

    [Fact]
    public void Sizes_of_networks_and_numbers_of_levels()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => Networks.Mlp(8, 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => Networks.Convolutions(-1));
        Assert.Throws<ArgumentOutOfRangeException>(() => new MaskedNetwork(2, 2, [0]));
        Assert.Throws<ArgumentOutOfRangeException>(() => new Dequantization(1L << 60));
        Refuses(() => new Dequantization(1 << 24).forward(zeros(2, 2)), "Float32", "use float64");
    }

    /// <summary>Where the layers have no parameters, those of the density tell.</summary>
    [Fact]
    public void An_element_type_that_only_the_density_has()
    {
        using var scope = NewDisposeScope();
        var flow = new Flow(Permutation.Reverse(2), new ConditionalNormal([2], nn.Linear(3, 4)));
        flow.to(float64);
        Refuses(() => flow.log_prob(zeros(3, 2), zeros(3, 3)), "Float64", "Float32");
        Assert.Equal(float64, flow.log_prob(zeros(3, 2, dtype: float64), ones(3, 3, dtype: int64)).dtype);
    }

    [Fact]
    public void Another_element_type()
    {
        Refuses(() => Plain().inverse(zeros(3, 2, dtype: float64)), "Float32", "Float64");
        Refuses(() => new LinearFlow(2).inverse(zeros(3, 2, dtype: float64)), "Float32", "Float64");
    }

    [Fact]
    public void What_an_own_layer_should_not_yield()
    {
        var error = Assert.Throws<InvalidOperationException>(() => new Own(data => data).forward(randn(3, 3)));
        Assert.Contains("Own.Map has to yield log |det J|", error.Message, StringComparison.Ordinal);
        Assert.Throws<InvalidOperationException>(() => new Flow(new Own(_ => null), 2).log_prob(randn(3, 2)));
    }

    [Fact]
    public void Values_that_constrain_no_data()
    {
        Refuses(() => new Constrained(Parametrizations.Spd()), "spd", "simplex");
        Refuses(() => new Constrained(Parametrizations.Symmetric), "symmetric");
        Assert.ThrowsAny<ArgumentException>(() => new Flow(new Constrained(Parametrizations.Sphere(1)), 3));
    }

    [Fact]
    public void Sizes_and_orders_that_are_none()
    {
        Assert.Throws<ArgumentNullException>(() => new Permutation(null!));
        Assert.Throws<ArgumentException>(() => new OrthonormalSubmersion(3, 2).LatentShape([5]));
        Assert.Throws<ArgumentException>(() => new OrthonormalSubmersion(3, 2).LatentShape([3, 3]));
        Assert.Throws<ArgumentException>(() => new Flow(new OrthonormalSubmersion(3, 2), 5));
    }

    [Fact]
    public void First_weights_that_are_none()
    {
        Refuses(() => new LinearFlow(2, start: eye(3)), "2 x 2", "[3, 3]");
        Assert.Throws<ParametrizationException>(() => new LinearFlow(2, start: ones(2, 2)));
        Refuses(() => new LinearFlow(3, Parametrizations.Skew), "singular");
        Refuses(() => new LinearFlow(2, start: eye(2, dtype: complex64)), "real", "ComplexFloat32");
        Assert.Equal(float32, new LinearFlow(2, start: eye(2, dtype: float64)).Weight.Value.dtype);
    }

    [Fact]
    public void A_flow_that_was_disposed()
    {
        var flow = Plain();
        flow.Dispose();
        Assert.Throws<ObjectDisposedException>(() => flow.log_prob(randn(3, 2)));
    }

    [Theory]
    [InlineData("positive")]
    [InlineData("simplex")]
    [InlineData("bounded 0.0 1.0")]
    public void Data_outside_have_no_density_and_no_gradient(string value)
    {
        var flow = new Flow(
            new Constrained(Parametrizations.Parse(value)) >> new LinearFlow(value is "simplex" ? 2 : 3),
            3
        );
        var inside = value is "simplex" ? new[] { 0.2f, 0.3f, 0.5f } : [0.2f, 0.3f, 0.4f];
        var data = tensor(new[] { inside, [-0.5f, 0.5f, 1f], [0f, 0.5f, 0.5f] }.SelectMany(row => row).ToArray())
            .reshape(3, 3);
        var densities = flow.log_prob(data);
        Assert.True(densities[0].isfinite().item<bool>());
        Assert.True(densities[1..].isneginf().all().item<bool>());
        densities.sum().backward();
        var withOthers = flow.parameters().Select(parameter => parameter.grad!.clone()).ToList();
        flow.zero_grad();
        flow.log_prob(data[..1]).sum().backward();
        foreach (var (gradient, parameter) in withOthers.Zip(flow.parameters().Where(own => own.grad is not null)))
            Support.Near.Same(parameter.grad!, gradient);
    }

    [Theory]
    [InlineData("ordered", -1f, 0f, 2f)]
    [InlineData("bounded -1.0 3.0", 0f, 0f, 1f)]
    [InlineData("sumToZero", 0f, 0f, 0f)]
    public void A_zero_inside_is_a_datum(string value, params float[] datum)
    {
        var layer = new Constrained(Parametrizations.Parse(value));
        Assert.True(layer.ForwardWithLogDet(tensor(datum).unsqueeze(0)).LogDet.isfinite().all().item<bool>());
    }

    [Fact]
    public void Noise_stays_between_two_levels()
    {
        foreach (
            var (dtype, levels) in new[]
            {
                (float32, 256L),
                (float32, 1000),
                (float64, 256),
                (float16, 256),
                (bfloat16, 16),
            }
        )
        {
            var layer = new Dequantization(levels);
            var data = (rand(1000, 200) * levels).floor().to(dtype).clamp(0, levels - 1);
            var latent = layer.forward(data);
            Assert.True(latent.ge(0).logical_and(latent.lt(1)).all().item<bool>(), $"{dtype}");
            Assert.True(layer.inverse(latent).eq(data).all().item<bool>(), $"{dtype}");
        }
        Refuses(() => new Dequantization(256).forward(zeros(2, 2, dtype: bfloat16)), "float32");
    }

    [Fact]
    public void Whole_numbers_reach_a_flow_of_doubles()
    {
        var flow = new Flow(new Dequantization(4) >> new LinearFlow(2), 2);
        flow.to(float64);
        Assert.Equal(float64, flow.log_prob(ones(3, 2, dtype: int64)).dtype);
    }

    [Fact]
    public void An_act_norm_waits_for_data()
    {
        var flow = new Flow(new ActNorm(2), 2);
        Assert.Equal([0], flow.log_prob(randn(0, 2)).shape);
        // One datum has no variance.
        Assert.Throws<InvalidOperationException>(() => flow.log_prob(randn(1, 2)));
        using (var images = new ActNorm(2))
            images.forward(randn(1, 2, 4, 4));
        flow.log_prob(randn(16, 2) * 1e-42f);
        Assert.True(flow.log_prob(randn(3, 2)).isfinite().all().item<bool>());
    }
}

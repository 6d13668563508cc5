using Parametrize.CSharp;
using Parametrize.Flows;
using Properties.CSharp.Support;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp.Flows;

/// <summary>Layers, element maps, densities and networks of a user's own: what they yield wrongly is named, and nothing else suffers.</summary>
public class PartsOfOnesOwnAreLookedAt
{
    private sealed class Map(Func<Tensor, Tensor?> logDerivative, Func<Tensor, Tensor?>? back = null) : IElementMap
    {
        public long ParameterCount => 1;

        public (Tensor Value, Tensor LogDerivative) Forward(Tensor x, Tensor parameters) => (x * 2, logDerivative(x)!);

        public Tensor Inverse(Tensor y, Tensor parameters) => (back ?? (z => z / 2))(y)!;

        public override string ToString() => "Own";
    }

    private sealed class Narrow : IElementMap
    {
        public long ParameterCount => 1;

        public (Tensor Value, Tensor LogDerivative) Forward(Tensor x, Tensor parameters) =>
            (x.sum(1, keepdim: true), x);

        public Tensor Inverse(Tensor y, Tensor parameters) => y;
    }

    private sealed class Density(Func<Tensor, Tensor?> logProb, Func<long, Tensor?>? sample = null) : IDensity
    {
        public long[] Shape { get; } = [2];

        public Tensor log_prob(Tensor data, Tensor? context = null) => logProb(data)!;

        public Tensor rsample(long count, Tensor? context = null) => (sample ?? (n => randn(n, 2)))(count)!;

        public override string ToString() => "OwnDensity";
    }

    private sealed class Layer(Func<Tensor, Tensor?> back) : FlowLayer("OwnLayer")
    {
        protected override (Tensor Latent, Tensor LogDet) Map(Tensor data, Tensor? context) =>
            (data * 2, zeros(data.size(0)));

        protected override Tensor MapBack(Tensor latent, Tensor? context) => back(latent)!;
    }

    private static void Names(string what, Action action)
    {
        var error = Assert.Throws<InvalidOperationException>(action);
        Assert.Contains(what, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Element_maps()
    {
        using var scope = NewDisposeScope();
        var data = randn(4, 3);
        Func<Tensor, Tensor?>[] wrong = [_ => tensor(0.7f), x => x.narrow(1, 0, 1), x => x.sum([1L]), _ => null];
        foreach (var function in wrong)
        {
            Names("Own.Forward has to yield", () => new Elementwise(new Map(function), 3).forward(data));
            Names(
                "Own.Forward has to yield",
                () => new Coupling(new Map(function), Masks.Odd(3), Networks.Mlp(4)).forward(data)
            );
            Names("Own.Forward has to yield", () => new Autoregressive(new Map(function), 3, [4]).forward(data));
            Names(
                "Own.Inverse has to yield",
                () => new Elementwise(new Map(x => x, y => function(y)), 3).inverse(data)
            );
        }
        Names("Forward has to yield values", () => new Elementwise(new Narrow(), 3).forward(data));
        var sound = new Elementwise(new Map(x => full_like(x, Math.Log(2))), 3);
        Assert.Equal("Elementwise(Own, 3)", sound.ToString());
        Near.Same(full(4, 3 * Math.Log(2)), sound.ForwardWithLogDet(data).LogDet);
    }

    [Fact]
    public void Densities()
    {
        using var scope = NewDisposeScope();
        var data = randn(3, 2);
        Func<Tensor, Tensor?>[] wrong = [x => x.sum(1, keepdim: true), x => x.sum(), x => x, _ => null];
        foreach (var function in wrong)
        {
            Names("OwnDensity.log_prob", () => new Flow(new LinearFlow(2), new Density(function)).log_prob(data));
            Names(
                "OwnDensity.log_prob",
                () => (new Slice(1, new Density(function)) >> new StandardNormal(1)).log_prob(randn(3, 3))
            );
        }
        var short_ = new Density(x => x.sum([1L]), _ => randn(1, 2));
        Names("OwnDensity.rsample", () => new Flow(new LinearFlow(2), short_).sample(3));
        Names("OwnDensity.rsample", () => new Slice(1, short_).inverse(randn(3, 1)));
    }

    [Fact]
    public void Ways_back_of_layers()
    {
        using var scope = NewDisposeScope();
        Func<Tensor, Tensor?>[] wrong = [z => z.narrow(1, 0, 1), _ => null, z => z.sum()];
        foreach (var function in wrong)
        {
            Names("OwnLayer.MapBack", () => new Layer(function).inverse(randn(3, 2)));
            Names("OwnLayer.MapBack", () => new Flow(new LinearFlow(2) >> new Layer(function), 2).sample(3));
        }
    }

    /// <summary>Such a network would change the data, or what is kept of them.</summary>
    [Fact]
    public void Networks_that_work_in_place()
    {
        using var scope = NewDisposeScope();
        static nn.Module<Tensor, Tensor> InPlace(long inputs, long outputs, bool inPlace) =>
            nn.Sequential(nn.ReLU(inplace: inPlace), nn.Linear(inputs, outputs));
        foreach (var inPlace in new[] { true, false })
        {
            var data = tensor(new[] { -1f, -2f, 3f }).unsqueeze(0);
            var (given, copy) = (data, data.clone());
            var coupling = new Coupling(
                new AffineMap(),
                Masks.Even(3),
                (inputs, outputs) => InPlace(inputs, outputs, inPlace)
            );
            Assert.Equal(-1, coupling.forward(data)[0, 0].item<float>());
            new Flow(new LinearFlow(3), new ConditionalNormal([3], InPlace(3, 6, inPlace))).log_prob(data, given);
            Assert.True(data.equal(copy).all().item<bool>());
        }
        Assert.ThrowsAny<ArgumentException>(() => new Coupling(new AffineMap(), Masks.Even(3), (_, _) => null!));
    }

    /// <summary>Networks of this package begin with zeros in the last layer, and then look at nothing yet.</summary>
    [Fact]
    public void Networks_that_will_look_ahead()
    {
        using var scope = NewDisposeScope();
        using var looking = Networks.Mlp(16)(3, 6);
        var before = looking.state_dict().ToDictionary(pair => pair.Key, pair => pair.Value.clone());
        Assert.Throws<ArgumentException>(() => new Autoregressive(new AffineMap(), 3, looking));
        foreach (var (key, weight) in looking.state_dict())
            Near.Identical(before[key], weight);
        for (var seed = 0; seed < 20; seed++)
        {
            Seeded.Everywhere(seed);
            using var small = nn.Sequential(nn.Linear(2, 1), nn.ReLU(), nn.Linear(1, 4));
            Assert.Throws<ArgumentException>(() => new Autoregressive(new AffineMap(), 2, small));
        }
        // Each feature reads itself, and none a later one.
        using var itself = nn.Linear(2, 4);
        itself.register_parametrization(
            "weight",
            Parametrizations.PrunedBy(eye(2).repeat_interleave(2, dim: 0).to(ScalarType.Bool))
        );
        Assert.Throws<ArgumentException>(() => new Autoregressive(new AffineMap(), 2, itself));
        _ = new Autoregressive(new AffineMap(), 3, new FrozenMask());
        using var dropout = nn.Dropout(0.5);
        using var network = nn.Sequential(new MaskedNetwork(3, 2, [16]), dropout);
        network.train();
        dropout.eval();
        Seeded.Everywhere(1);
        using var expected = rand(1);
        Seeded.Everywhere(1);
        _ = new Autoregressive(new AffineMap(), 3, network);
        Near.Identical(expected, rand(1)); // What it tries the network with is drawn elsewhere.
        Assert.True(network.training);
        Assert.False(dropout.training);
    }

    /// <summary>A mask that is a frozen parameter is no weight.</summary>
    private sealed class FrozenMask : nn.Module<Tensor, Tensor>
    {
        private readonly TorchSharp.Modules.Parameter weight = new(randn(6, 3));
        private readonly TorchSharp.Modules.Parameter mask = new(
            ones(3, 3).tril(-1).repeat_interleave(2, dim: 0),
            requires_grad: false
        );

        public FrozenMask()
            : base(nameof(FrozenMask)) => RegisterComponents();

        public override Tensor forward(Tensor input) => nn.functional.linear(input, weight * mask);
    }

    [Theory]
    [InlineData(64, 32)]
    [InlineData(8, 4)]
    [InlineData(5, 1)]
    [InlineData(3, 3)]
    public void The_last_features_count_in_narrow_masked_networks(int features, int units)
    {
        using var scope = NewDisposeScope();
        var network = new MaskedNetwork(features, 1, [units]);
        using (no_grad())
            foreach (var parameter in network.parameters())
                parameter.fill_(1);
        var input = ones(1, features).requires_grad_(true);
        network.call(input)[0, features - 1].backward();
        Assert.NotEqual(0, input.grad![0, features - 2].item<float>());
    }

    [Fact]
    public void Conditions_that_nothing_reads()
    {
        var error = Assert.Throws<ArgumentException>(() => new Slice(1, new StandardNormal(1), isConditional: true));
        Assert.Contains("reads no context", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Contexts_of_other_numbers_of_rows_or_dimensions()
    {
        using var scope = NewDisposeScope();
        var density = new ConditionalNormal([2], nn.Linear(3, 4));
        Assert.Equal([10, 2], density.rsample(10, randn(1, 3)).shape);
        Assert.ThrowsAny<ArgumentException>(() => density.rsample(10, randn(5, 3)));
        Assert.ThrowsAny<ArgumentException>(() => density.log_prob(randn(1, 2), randn(5, 3)));
        var images = new Coupling(new AffineMap(), Masks.Even(4), Networks.Convolutions(4), contextSize: 3);
        foreach (long[] shape in new[] { new long[] { 5, 3, 1 }, [5, 3, 2, 2] })
            Assert.ThrowsAny<ArgumentException>(() => images.forward(randn(5, 4, 4, 4), randn(shape)));
        images.forward(randn(5, 4, 4, 4), randn(5, 3, 4, 4));
        var coupling = new Coupling(new AffineMap(), Masks.Even(2), (_, outputs) => new OneRow(outputs));
        Assert.ThrowsAny<ArgumentException>(() => coupling.forward(randn(4, 2)));
    }

    private sealed class OneRow(long outputs) : nn.Module<Tensor, Tensor>(nameof(OneRow))
    {
        public override Tensor forward(Tensor input) => zeros(1, outputs);
    }
}

using Parametrize;
using Parametrize.CSharp;
using Properties.CSharp.Support;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp.State;

/// <summary>A state without parametrizations, into a parametrized model; and such a state of one.</summary>
public class LoadingPlainStates
{
    public static TheoryData<string> Values => [.. Models.Values.Keys];

    [Theory]
    [MemberData(nameof(Values))]
    public void An_allowed_tensor_is_taken_by_the_right_inverse(string name)
    {
        var to = Models.Parametrized(Models.Values[name]);
        var from = Models.Parametrized(Models.Values[name]);
        var state = from.baked_state_dict();
        if (name.StartsWith("pruned (Pruning.L1"))
            to = from; // The mask is part of what is there.
        Assert.Equal(["fc.bias", "fc.weight"], state.Keys.Order());
        to.load_parametrized_state_dict(state);
        Near.Same(state["fc.weight"], Models.Weight(to));
        Near.Identical(state["fc.bias"], to.state_dict()["fc.bias"]);
    }

    /// <summary>A tensor in its state that is neither a parameter nor a buffer of it.</summary>
    private sealed class Counting : nn.Module
    {
        public readonly TorchSharp.Modules.Linear fc = nn.Linear(4, 4);
        private readonly Tensor[] _steps = [zeros(1)];

        public Counting()
            : base(nameof(Counting)) => RegisterComponents();

        public Tensor Steps => _steps[0];

        public override Dictionary<string, Tensor> state_dict(
            Dictionary<string, Tensor>? destination = null,
            string? prefix = null
        )
        {
            var state = base.state_dict(destination, prefix);
            state[prefix is null ? "steps" : $"{prefix}.steps"] = Steps;
            return state;
        }
    }

    [Fact]
    public void What_a_module_adds_to_its_state_is_part_of_it()
    {
        var (from, to) = (new Counting(), new Counting());
        foreach (var model in (Counting[])[from, to])
            model.fc.orthogonal();
        from.Steps.fill_(7);
        var baked = from.baked_state_dict();
        Assert.Equal(["fc.bias", "fc.weight", "steps"], baked.Keys.Order());
        Near.Identical(from.Steps, baked["steps"]);
        Assert.NotSame(from.Steps, baked["steps"]);
        to.load_parametrized_state_dict(baked);
        Near.Identical(full(1, 7f), to.Steps);

        baked.Remove("steps");
        var before = Snapshot.Of(to);
        var refusal = Assert.Throws<StateDictException>(() => to.load_parametrized_state_dict(baked));
        Assert.Equal(["steps"], refusal.MissingKeys);
        before.AssertUnchanged();
        using var stream = new MemoryStream();
        Safetensors.Save(stream, from);
        stream.Position = 0;
        Near.Identical(from.Steps, Safetensors.Load(stream)["steps"]);
    }

    [Fact]
    public void One_outside_the_space_is_refused_and_nothing_changes()
    {
        var to = Models.Parametrized(Parametrizations.Orthogonal());
        var before = Snapshot.Of(to);
        var error = Assert.Throws<StateDictException>(() =>
            to.load_parametrized_state_dict(Models.StateOf(Models.Plain()))
        );
        Assert.Contains("fc.weight", Assert.Single(error.Problems));
        Assert.Contains("WhenNotAllowed.Project", error.Message);
        before.AssertUnchanged();
    }

    [Fact]
    public void Or_projected_when_asked()
    {
        var value = Parametrizations.Orthogonal();
        var (from, to) = (Models.Plain(), Models.Parametrized(value));
        to.load_parametrized_state_dict(Models.StateOf(from), whenNotAllowed: WhenNotAllowed.Project);
        Near.Same(value.Project(from.state_dict()["fc.weight"].detach()), Models.Weight(to));
        Near.Identical(from.state_dict()["fc.bias"], to.state_dict()["fc.bias"]);
    }

    /// <summary>A file in bfloat16 has nearly allowed tensors: they are what is meant, and no places to start from.</summary>
    [Theory]
    [InlineData("simplex")]
    [InlineData("doublyStochastic")]
    [InlineData("correlation")]
    [InlineData("correlationCholesky")]
    [InlineData("ordered")]
    [InlineData("spd")]
    [InlineData("spdWithTrace 4.0")]
    [InlineData("symmetric >>> matrixExponential")]
    [InlineData("orthogonal")]
    public void A_tensor_that_was_rounded_stays_where_it_is(string code)
    {
        using var layer = nn.Linear(4, 4);
        layer.register_parametrization("weight", Parametrizations.Parse(code));
        var state = layer.baked_state_dict();
        state["weight"] = state["weight"].bfloat16().@float();
        using (no_grad())
        using (NewDisposeScope())
            foreach (var original in layer.parameters())
                original.add_(randn_like(original));
        layer.load_parametrized_state_dict(state, whenNotAllowed: WhenNotAllowed.Project);
        using var value = layer.parametrization("weight").Value;
        Assert.InRange(
            (value - state["weight"]).abs().max().item<float>(),
            0,
            0.01 * state["weight"].abs().max().item<float>()
        );
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Ranges_of_quantized_weights_grow_to_what_is_loaded(bool isSymmetric)
    {
        using var layer = nn.Linear(4, 4);
        var scheme = isSymmetric ? QuantizationScheme.Symmetric : QuantizationScheme.Affine;
        layer.register_parametrization("weight", Parametrizations.FakeQuantized(8, scheme, Granularity.Tensor)).eval();
        using var wanted = randn(4, 4) * 20;
        layer.parametrization("weight").Assign(wanted, WhenNotAllowed.Project);
        using var value = layer.parametrization("weight").Value;
        var step = 2 * wanted.abs().max().item<float>() / 250;
        Assert.InRange((value - wanted).abs().max().item<float>(), 0, step);
    }

    [Fact]
    public void Or_replaced_by_a_sample_or_reinterpreted()
    {
        var state = Models.StateOf(Models.Plain());
        var orthogonal = Models.Parametrized(Parametrizations.Orthogonal());
        orthogonal.load_parametrized_state_dict(state, whenNotAllowed: WhenNotAllowed.Sample);
        Near.Orthogonal(Models.Weight(orthogonal));
        Near.Different(Parametrizations.Orthogonal().Project(state["fc.weight"]), Models.Weight(orthogonal));

        var skew = Models.Parametrized(Parametrizations.Skew);
        skew.load_parametrized_state_dict(state, whenNotAllowed: WhenNotAllowed.Reinterpret);
        Near.Identical(state["fc.weight"], skew.state_dict()["fc.parametrizations.weight.original"]);
    }

    [Theory]
    [InlineData(WhenNotAllowed.Refuse)]
    [InlineData(WhenNotAllowed.Project)]
    [InlineData(WhenNotAllowed.Sample)]
    [InlineData(WhenNotAllowed.Reinterpret)]
    public void Of_another_shape_or_not_finite_it_is_refused_by_every_policy(WhenNotAllowed policy)
    {
        var to = Models.Parametrized(Parametrizations.Skew);
        var before = Snapshot.Of(to);
        var state = Models.StateOf(Models.Plain());
        state["fc.weight"] = zeros(5, 5);
        var error = Assert.Throws<StateDictException>(() => to.load_parametrized_state_dict(state, true, policy));
        Assert.Contains("[4, 4]", Assert.Single(error.Problems));
        Assert.Contains("[5, 5]", error.Message);
        state["fc.weight"] = full(4, 4, double.NaN);
        Assert.Throws<StateDictException>(() => to.load_parametrized_state_dict(state, true, policy));
        before.AssertUnchanged();
    }

    [Fact]
    public void Element_types_are_converted()
    {
        var to = Models.Parametrized(Parametrizations.Orthogonal(), ScalarType.Float32);
        var q = Parametrizations.Orthogonal().Sample([4, 4], ScalarType.Float64);
        to.load_parametrized_state_dict(
            new Dictionary<string, Tensor> { ["fc.weight"] = q, ["fc.bias"] = ones(4, dtype: ScalarType.Int32) }
        );
        Near.Same(q.to(ScalarType.Float32), Models.Weight(to));
        Near.Identical(ones(4), to.state_dict()["fc.bias"].detach());

        var complex = new Dictionary<string, Tensor> { ["fc.weight"] = zeros(4, 4, dtype: ScalarType.ComplexFloat32) };
        var error = Assert.Throws<StateDictException>(() => to.load_parametrized_state_dict(complex, strict: false));
        Assert.Contains("imaginary", Assert.Single(error.Problems));
    }

    [Fact]
    public void A_baked_state_is_that_of_a_plain_model()
    {
        var (from, to) = (Network.Parametrized(), new Network());
        from.train();
        var before = Models.StateOf(from);
        var state = from.baked_state_dict();
        to.load_state_dict(state);
        foreach (var (key, tensor) in before)
            Near.Identical(tensor, from.state_dict()[key]);
        from.eval();
        var input = randn(2, 1, 6, 6, dtype: ScalarType.Float64);
        Near.Same(from.call(input), to.call(input), 1e-12);

        // Copies: training does not change what was baked.
        Assert.All(state.Values, tensor => Assert.False(tensor.requires_grad));
        using (no_grad())
            foreach (var parameter in from.parameters())
                parameter.zero_();
        Assert.NotEqual(0, state["fc1.bias"].abs().sum().item<double>());
    }

    [Fact]
    public void A_plain_state_fits_a_plain_model_of_any_modules()
    {
        nn.Module[] models =
        [
            nn.LSTM(3, 4, 2),
            nn.BatchNorm2d(3),
            nn.MultiheadAttention(4, 2),
            nn.Embedding(5, 3),
            new Pair(),
        ];
        foreach (var model in models)
        {
            var state = model.state_dict().ToDictionary(pair => pair.Key, pair => zeros_like(pair.Value));
            Assert.NotEmpty(state);
            var keys = model.load_parametrized_state_dict(state);
            Assert.Empty(keys.MissingKeys);
            Assert.All(model.state_dict().Values, tensor => Assert.Equal(0, tensor.count_nonzero().item<long>()));
        }
    }
}

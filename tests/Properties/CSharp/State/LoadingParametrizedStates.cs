using FsCheck;
using FsCheck.Xunit;
using Parametrize;
using Parametrize.CSharp;
using Properties.CSharp.Support;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp.State;

/// <summary>A state of a parametrized model, into a parametrized or a plain one.</summary>
public class LoadingParametrizedStates
{
    public static TheoryData<string> Values => [.. Models.Values.Keys];

    [Theory]
    [MemberData(nameof(Values))]
    public void The_same_parametrization_takes_every_bit(string name)
    {
        var (from, to) = (Models.Parametrized(Models.Values[name]), Models.Parametrized(Models.Values[name]));
        to.load_parametrized_state_dict(Models.StateOf(from));
        foreach (var (key, tensor) in from.state_dict())
            Near.Identical(tensor, to.state_dict()[key]);
        var input = Models.Input();
        Near.Identical(from.call(input), to.call(input));
    }

    [Theory]
    [MemberData(nameof(Values))]
    public void A_plain_model_takes_the_value_of_a_named_map(string name)
    {
        var (from, to) = (Models.Parametrized(Models.Values[name]), Models.Plain());
        to.load_parametrized_state_dict(
            Models.StateOf(from),
            parametrizations: new Dictionary<string, Parametrization> { ["fc.weight"] = Models.Values[name] }
        );
        var input = Models.Input();
        Near.Same(from.call(input), to.call(input), 1e-12);
    }

    [Theory]
    [InlineData("spectralNorm")]
    [InlineData("spectralNormWith { SpectralNorm.defaults with Dimension = 1 }")]
    [InlineData("pruned (Pruning.Bernoulli(0.5, 7UL))")]
    public void A_plain_model_takes_the_value_where_the_pieces_tell_the_map(string name)
    {
        var (from, to) = (Models.Parametrized(Models.Values[name]), Models.Plain());
        to.load_parametrized_state_dict(Models.StateOf(from));
        var input = Models.Input();
        Near.Same(from.call(input), to.call(input), 1e-12);
    }

    [Property(MaxTest = 30)]
    public void Dimensions_are_told_apart_in_kernels_of_any_shape(
        PositiveInt rows,
        PositiveInt columns,
        PositiveInt width,
        byte dim
    )
    {
        using var _ = NewDisposeScope();
        var shape = new long[] { rows.Get % 4 + 1, columns.Get % 4 + 1, width.Get % 3 + 1 };
        foreach (var dtype in new[] { ScalarType.Float64, ScalarType.ComplexFloat64 })
        foreach (
            var value in new[]
            {
                Parametrizations.WeightNorm(dim % 3),
                Parametrizations.SpectralNorm(dimension: dim % 3),
            }
        )
        {
            using var weight = randn(shape, dtype: dtype);
            var from = new ParametrizedTensor(value, weight);
            var to = new Plain(zeros(shape, dtype: dtype));
            to.load_parametrized_state_dict(
                from.state_dict().ToDictionary(pair => OldOrNew(pair.Key), pair => pair.Value)
            );
            Assert.True((from.Value - to.weight).abs().max().item<double>() < 1e-12, $"{value} of {dtype}");
        }
    }

    /// <summary>New names of two parameters tell no map, the old ones of weight norm do.</summary>
    private static string OldOrNew(string piece) =>
        piece switch
        {
            "original0" => "weight_g",
            "original1" => "weight_v",
            _ => $"parametrizations.weight.{piece}",
        };

    /// <summary>As PyTorch saves it: here the norm of a vector carries singular vectors, too.</summary>
    [Property(MaxTest = 30)]
    public void The_spectral_norm_of_a_vector_needs_only_the_vector(PositiveInt size, byte power, bool isZero)
    {
        using var vector = randn(size.Get % 8 + 1) * (isZero ? 0 : Math.Pow(10, power % 8 - 4));
        var layer = nn.Linear(2, vector.numel()).spectral_norm("bias");
        const string Key = "parametrizations.bias.original";
        layer.load_parametrized_state_dict(
            new Dictionary<string, Tensor> { ["weight"] = layer.weight, [Key] = vector }
        );
        Near.Identical(vector, layer.state_dict()[Key]);
        Near.Same(nn.functional.normalize(vector, dim: 0), layer.parametrization("bias").Value);

        var before = Snapshot.Of(layer);
        foreach (var bad in new[] { vector / 0 * 0, zeros(vector.numel() + 1) })
            Assert.Contains(
                "bias: ",
                Assert
                    .Throws<StateDictException>(() =>
                        layer.load_parametrized_state_dict(
                            new Dictionary<string, Tensor> { ["weight"] = layer.weight, [Key] = bad }
                        )
                    )
                    .Problems.Single()
            );
        before.AssertUnchanged();
    }

    [Fact]
    public void Stacked_masks_are_multiplied()
    {
        var from = Models.Parametrized(Parametrizations.PrunedL1(0.3));
        from.register_parametrization("fc.weight", Parametrizations.PrunedBernoulli(0.5, 3));
        var to = Models.Plain();
        to.load_parametrized_state_dict(Models.StateOf(from));
        var input = Models.Input();
        Near.Same(from.call(input), to.call(input), 1e-12);
    }

    /// <summary>A magnitude of old names that is of no dimension of the direction.</summary>
    [Theory]
    [InlineData(4, 4)]
    [InlineData(2, 1)]
    [InlineData(4)]
    [InlineData(4, 1, 1)]
    public void Magnitudes_of_no_dimension_tell_no_map(params int[] magnitude)
    {
        var to = Models.Plain();
        var before = Snapshot.Of(to);
        var state = Models.StateOf(to);
        state.Remove("fc.weight", out var weight);
        (state["fc.weight_g"], state["fc.weight_v"]) = (ones([.. magnitude.Select(length => (long)length)]), weight!);
        var problem = Assert.Single(
            Assert.Throws<StateDictException>(() => to.load_parametrized_state_dict(state)).Problems
        );
        Assert.StartsWith("fc.weight: it can be computed from fc.weight_g, fc.weight_v, but they do not", problem);
        Assert.EndsWith("parametrizations: { [\"fc.weight\"] = Parametrizations.WeightNorm(0) }.", problem);
        before.AssertUnchanged();
    }

    /// <summary>Vectors u and v of which no dimension of the weight has the lengths.</summary>
    [Theory]
    [InlineData(2, 8)]
    [InlineData(16, 1)]
    [InlineData(4, 3)]
    [InlineData(0, 4)]
    public void Vectors_of_no_dimension_tell_no_map(int left, int right)
    {
        var to = Models.Plain();
        var before = Snapshot.Of(to);
        var state = Models.StateOf(to);
        state.Remove("fc.weight", out var weight);
        state["fc.parametrizations.weight.original"] = weight!;
        state["fc.parametrizations.weight.0._u"] = ones(left);
        state["fc.parametrizations.weight.0._v"] = ones(right);
        var problem = Assert.Single(
            Assert.Throws<StateDictException>(() => to.load_parametrized_state_dict(state)).Problems
        );
        Assert.StartsWith("fc.weight: it can be computed from fc.parametrizations.weight.0._u,", problem);
        Assert.EndsWith("parametrizations: { [\"fc.weight\"] = Parametrizations.SpectralNorm() }.", problem);
        before.AssertUnchanged();
    }

    /// <summary>The advice is a value of three parameters, of the rank that the second shows.</summary>
    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    public void Three_pieces_may_be_those_of_low_rank(int rank)
    {
        var (from, to) = (Models.Parametrized(Parametrizations.LowRank(rank)), Models.Plain());
        var before = Snapshot.Of(to);
        var error = Assert.Throws<StateDictException>(() => to.load_parametrized_state_dict(Models.StateOf(from)));
        Assert.EndsWith(
            $"parametrizations: {{ [\"fc.weight\"] = {Parametrizations.LowRank(rank).ToCSharp()} }}.",
            Assert.Single(error.Problems)
        );
        before.AssertUnchanged();
        to.load_parametrized_state_dict(
            Models.StateOf(from),
            parametrizations: new Dictionary<string, Parametrization> { ["fc.weight"] = Parametrizations.LowRank(rank) }
        );
        Near.Same(Models.Weight(from), to.state_dict()["fc.weight"].detach(), 1e-12);
    }

    [Fact]
    public void Complex_directions_have_real_magnitudes()
    {
        using var weight = randn(3, 4, dtype: ScalarType.ComplexFloat32);
        var from = new ParametrizedTensor(Parametrizations.WeightNorm(), weight);
        var to = new Plain(zeros(3, 4, dtype: ScalarType.ComplexFloat64));
        to.load_parametrized_state_dict(from.state_dict().ToDictionary(pair => OldOrNew(pair.Key), pair => pair.Value));
        Assert.True((to.weight - weight).abs().max().item<double>() < 1e-6);
    }

    private sealed class Plain : nn.Module
    {
        public readonly TorchSharp.Modules.Parameter weight;

        public Plain(Tensor initial)
            : base(nameof(Plain))
        {
            weight = nn.Parameter(initial);
            RegisterComponents();
        }
    }

    [Fact]
    public void A_base_alone_tells_no_map_and_all_that_need_one_are_listed()
    {
        var from = Network.Parametrized();
        var to = new Network();
        var before = Snapshot.Of(to);
        var error = Assert.Throws<StateDictException>(() => to.load_parametrized_state_dict(Models.StateOf(from)));
        Assert.Equal(3, error.Problems.Count);
        Assert.Contains("fc1.weight", error.Problems[0]);
        Assert.Contains("fc1.parametrizations.weight.0.base", error.Problems[0]);
        Assert.Contains("fc2.parametrizations.weight.original0", error.Problems[1]);
        Assert.Contains("fc3.weight", error.Problems[2]);
        Assert.Empty(error.MissingKeys);
        Assert.Empty(error.UnexpectedKeys);
        before.AssertUnchanged();
    }

    [Fact]
    public void Maps_are_named_by_patterns_and_more_exactly_by_keys()
    {
        var from = Network.Parametrized();
        var to = new Network();
        var maps = new Dictionary<string, Parametrization>
        {
            ["fc?.weight"] = Parametrizations.Orthogonal(),
            ["fc1.weight"] = Parametrizations.Cayley(),
            ["fc2.weight"] = Parametrizations.WeightNorm(),
        };
        to.load_parametrized_state_dict(Models.StateOf(from), parametrizations: maps);
        var input = randn(2, 1, 6, 6, dtype: ScalarType.Float64);
        Near.Same(from.call(input), to.call(input), 1e-12);

        maps["*.weight"] = Parametrizations.Cayley();
        var error = Assert.Throws<ArgumentException>(() =>
            to.load_parametrized_state_dict(Models.StateOf(from), parametrizations: maps)
        );
        Assert.Contains("fc3.weight", error.Message);
    }

    [Fact]
    public void A_named_map_that_the_pieces_do_not_fit_is_refused()
    {
        var state = Models.StateOf(Models.Parametrized(Parametrizations.WeightNorm()));
        var maps = new Dictionary<string, Parametrization> { ["*"] = Parametrizations.Orthogonal() };
        var error = Assert.Throws<StateDictException>(() =>
            Models.Plain().load_parametrized_state_dict(state, parametrizations: maps)
        );
        Assert.Contains("original, 0.base", Assert.Single(error.Problems));

        state = Models.StateOf(Models.Parametrized(Parametrizations.Orthogonal()));
        state["fc.parametrizations.weight.0.base"] = eye(3);
        error = Assert.Throws<StateDictException>(() =>
            Models.Plain().load_parametrized_state_dict(state, parametrizations: maps)
        );
        Assert.Contains("0.base has shape [3, 3]", Assert.Single(error.Problems));
    }

    [Fact]
    public void Another_parametrization_takes_the_value_when_it_is_allowed()
    {
        // Both have `original` and `0.base`: only the caller can say that the maps differ.
        var from = Models.Parametrized(Parametrizations.Cayley());
        var to = Models.Parametrized(Parametrizations.Householder());
        var maps = new Dictionary<string, Parametrization> { ["*.weight"] = Parametrizations.Cayley() };
        using (no_grad())
            from.parametrization("fc.weight").parameters().Single().normal_();
        to.load_parametrized_state_dict(Models.StateOf(from), parametrizations: maps);
        Near.Same(Models.Weight(from), Models.Weight(to));

        // Weight norm shows itself by its old names.
        var normed = Models
            .StateOf(Models.Parametrized(Parametrizations.WeightNorm()))
            .ToDictionary(
                pair =>
                    pair.Key.Replace("parametrizations.weight.original0", "weight_g")
                        .Replace("parametrizations.weight.original1", "weight_v"),
                pair => pair.Value
            );
        var error = Assert.Throws<StateDictException>(() => to.load_parametrized_state_dict(normed));
        Assert.Contains("W^H W = I", Assert.Single(error.Problems));
        to.load_parametrized_state_dict(normed, whenNotAllowed: WhenNotAllowed.Project);
        Near.Orthogonal(Models.Weight(to));
    }

    [Fact]
    public void A_tensor_of_a_module_s_own_is_found_by_either_name()
    {
        var value = Parametrizations.Orthogonal();
        var (from, to) = (new Holder(value, randn(4, 4)), new Holder(value, randn(4, 4)));
        var state = Models.StateOf(from);
        Assert.Contains("kernel.original", state.Keys);
        to.load_parametrized_state_dict(state);
        Near.Identical(from.kernel.Value.detach(), to.kernel.Value.detach());

        var other = new Holder(value, randn(4, 4));
        other.load_parametrized_state_dict(
            state.ToDictionary(pair => pair.Key.Replace("kernel.", "parametrizations.kernel."), pair => pair.Value)
        );
        Near.Identical(from.kernel.Value.detach(), other.kernel.Value.detach());

        to.kernel.load_parametrized_state_dict(new Holder(value, randn(4, 4)).kernel.state_dict());
    }
}

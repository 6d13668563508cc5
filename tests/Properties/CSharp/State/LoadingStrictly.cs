using FsCheck.Xunit;
using Parametrize;
using Parametrize.CSharp;
using Properties.CSharp.Support;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp.State;

/// <summary>Keys and shapes that do not fit: all are reported at once, and nothing has changed.</summary>
public class LoadingStrictly
{
    [Fact]
    public void Missing_and_unexpected_keys_are_listed_together_with_wrong_shapes()
    {
        var model = Network.Parametrized();
        var state = Models.StateOf(Network.Parametrized());
        state.Remove("fc1.parametrizations.weight.0.base");
        state.Remove("conv.bias");
        state["fc9.weight"] = ones(2);
        state["fc2.parametrizations.weight.original0"] = ones(8, 8);
        state["fc3.bias"] = ones(3);

        var before = Snapshot.Of(model);
        var error = Assert.Throws<StateDictException>(() => model.load_parametrized_state_dict(state));
        Assert.Equal(["conv.bias", "fc1.parametrizations.weight.0.base"], error.MissingKeys.Order());
        Assert.Equal(["fc9.weight"], error.UnexpectedKeys);
        Assert.Equal(2, error.Problems.Count);
        foreach (
            var said in (string[])
                ["Network", "conv.bias", "fc9.weight", "[8, 1]", "[8, 8]", "fc3.bias: shape [2]", "[3]"]
        )
            Assert.Contains(said, error.Message);
        before.AssertUnchanged();
    }

    [Fact]
    public void Norms_keep_their_count_of_batches_when_the_state_is_older_than_it()
    {
        nn.Module[] norms =
        [
            nn.BatchNorm1d(3),
            nn.BatchNorm2d(3),
            nn.BatchNorm3d(3),
            nn.InstanceNorm2d(3, affine: true, track_running_stats: true),
        ];
        foreach (var norm in norms)
        {
            var model = nn.Sequential(("norm", (nn.Module<Tensor, Tensor>)norm));
            model.register_parametrization("norm.weight", Parametrizations.Positive);
            using var counted = norm.get_buffer("num_batches_tracked")!.add_(5).clone();
            var state = Models.StateOf(model);
            Assert.True(state.Remove("norm.num_batches_tracked"));
            Assert.Equal("<All keys matched successfully>", $"{model.load_parametrized_state_dict(state)}");
            Near.Identical(counted, norm.get_buffer("num_batches_tracked")!);

            state.Remove("norm.running_mean");
            var error = Assert.Throws<StateDictException>(() => model.load_parametrized_state_dict(state));
            Assert.Equal(["norm.running_mean"], error.MissingKeys);
        }
    }

    [Fact]
    public void A_buffer_of_that_name_elsewhere_is_missed()
    {
        var model = new Counter();
        var error = Assert.Throws<StateDictException>(() =>
            model.load_parametrized_state_dict(new Dictionary<string, Tensor>())
        );
        Assert.Equal(["num_batches_tracked"], error.MissingKeys);
    }

    [Fact]
    public void Keys_that_differ_print_as_in_PyTorch()
    {
        Assert.Equal(
            "IncompatibleKeys(missing_keys=['a', 'b'], unexpected_keys=[])",
            $"{new IncompatibleKeys(["a", "b"], [])}"
        );
        Assert.Equal("IncompatibleKeys(missing_keys=[], unexpected_keys=['c'])", $"{new IncompatibleKeys([], ["c"])}");
        Assert.Equal("<All keys matched successfully>", $"{new IncompatibleKeys([], [])}");
    }

    [Fact]
    public void Without_strictness_what_fits_is_loaded_and_the_rest_reported()
    {
        var model = Network.Parametrized();
        var from = Network.Parametrized();
        var state = Models.StateOf(from);
        state.Remove("conv.bias");
        state["fc9.weight"] = ones(2);
        var bias = model.conv.bias!.detach().clone();

        var keys = model.load_parametrized_state_dict(state, strict: false);
        Assert.Equal(["conv.bias"], keys.MissingKeys);
        Assert.Equal(["fc9.weight"], keys.UnexpectedKeys);
        Near.Identical(bias, model.conv.bias!.detach());
        Near.Identical(
            from.parametrization("fc1.weight").Value.detach(),
            model.parametrization("fc1.weight").Value.detach()
        );
    }

    [Fact]
    public void Without_strictness_wrong_shapes_are_still_an_error()
    {
        var model = Models.Plain();
        var before = Snapshot.Of(model);
        var state = new Dictionary<string, Tensor> { ["fc.bias"] = ones(5), ["fc.weight"] = ones(4, 4) };
        var error = Assert.Throws<StateDictException>(() => model.load_parametrized_state_dict(state, strict: false));
        Assert.Empty(error.MissingKeys);
        before.AssertUnchanged();
    }

    [Fact]
    public void Without_strictness_pieces_of_an_unknown_map_are_reported_as_keys()
    {
        var state = Models.StateOf(Models.Parametrized(Parametrizations.Orthogonal()));
        var keys = Models.Plain().load_parametrized_state_dict(state, strict: false);
        Assert.Equal(["fc.weight"], keys.MissingKeys);
        Assert.Equal(2, keys.UnexpectedKeys.Count);
    }

    [Fact]
    public void A_tensor_that_is_there_twice_is_taken_once()
    {
        var state = Models.StateOf(Models.Parametrized(Parametrizations.WeightNorm()));
        state["fc.weight"] = ones(4, 4, dtype: ScalarType.Float64);
        var plain = Models.Plain();
        var keys = plain.load_parametrized_state_dict(state, strict: false);
        Near.Identical(ones(4, 4, dtype: ScalarType.Float64), plain.state_dict()["fc.weight"].detach());
        Assert.Equal(2, keys.UnexpectedKeys.Count);
        Assert.Throws<StateDictException>(() => plain.load_parametrized_state_dict(state));

        var parametrized = Models.Parametrized(Parametrizations.WeightNorm());
        keys = parametrized.load_parametrized_state_dict(state, strict: false);
        Assert.Equal(["fc.weight"], keys.UnexpectedKeys);
        Near.Identical(
            state["fc.parametrizations.weight.original0"],
            parametrized.state_dict()["fc.parametrizations.weight.original0"]
        );
    }

    [Fact]
    public void Tied_tensors_need_one_of_their_names()
    {
        var (from, to) = (new Tied(), new Tied());
        var state = Models.StateOf(from);
        Assert.Contains("again.weight", state.Keys);
        to.load_parametrized_state_dict(state);
        Near.Identical(from.first.weight.detach(), to.first.weight.detach());

        var once = state.Where(pair => pair.Key.StartsWith("again")).ToDictionary();
        Assert.Empty(new Tied().load_parametrized_state_dict(once).MissingKeys);

        // TorchSharp's Sequential saves a module that it has twice under its first name.
        var layer = nn.Linear(4, 4);
        var sequence = nn.Sequential(("0", layer), ("1", layer));
        Assert.Equal(2, sequence.state_dict().Count);
        sequence.load_parametrized_state_dict(Models.StateOf(sequence));
        sequence.load_parametrized_state_dict(
            new Dictionary<string, Tensor>
            {
                ["0.weight"] = ones(4, 4),
                ["0.bias"] = ones(4),
                ["1.weight"] = ones(4, 4),
                ["1.bias"] = ones(4),
            }
        );
    }

    [Property(MaxTest = 60)]
    public void Any_damage_is_refused_without_a_trace_or_harmless(int seed)
    {
        using var _ = NewDisposeScope();
        var random = new Random(seed);
        var state = Models.StateOf(Network.Parametrized());
        for (var i = random.Next(1, 4); i > 0; i--)
        {
            var key = state.Keys.ElementAt(random.Next(state.Count));
            var tensor = state[key];
            state.Remove(key);
            switch (random.Next(5))
            {
                case 0:
                    state[key + "x"] = tensor;
                    break;
                case 1:
                    state[key] = tensor.unsqueeze(0);
                    break;
                case 2:
                    state[key] = zeros(random.Next(4), random.Next(4));
                    break;
                case 3:
                    state[key.Replace(".parametrizations", "").Replace(".original", "")] = tensor;
                    break;
            }
        }

        var (model, plain) = (Network.Parametrized(), new Network());
        foreach (var network in (Network[])[model, plain])
        foreach (var strict in (bool[])[true, false])
        {
            var before = Snapshot.Of(network);
            try
            {
                network.load_parametrized_state_dict(state, strict);
            }
            catch (StateDictException)
            {
                before.AssertUnchanged();
            }
        }
    }

    [Theory]
    [InlineData("Forward")]
    [InlineData("RightInverse")]
    [InlineData("Distance")]
    public void What_a_node_of_one_s_own_throws_goes_through_and_nothing_has_changed(string member)
    {
        var node = new Doubling();
        var model = Models.Parametrized(node.Value);
        var state = Models.StateOf(Models.Plain());
        var before = Snapshot.Of(model);
        node.FailIn = member;
        Assert.Throws<ApplicationException>(() => model.load_parametrized_state_dict(state));
        before.AssertUnchanged();
        node.FailIn = null;
        model.load_parametrized_state_dict(state);
        Near.Same(state["fc.weight"], Models.Weight(model));
    }

    [Fact]
    public void Null_and_meta_tensors_are_refused()
    {
        var state = new Dictionary<string, Tensor> { ["fc.weight"] = null!, ["fc.bias"] = ones(4) };
        Assert.Throws<ArgumentException>(() => Models.Plain().load_parametrized_state_dict(state));
        state["fc.weight"] = empty([4, 4], device: META);
        var error = Assert.Throws<StateDictException>(() => Models.Plain().load_parametrized_state_dict(state));
        Assert.Contains("meta", Assert.Single(error.Problems));

        var bodiless = nn.Linear(4, 4, device: META);
        var whole = new Dictionary<string, Tensor> { ["weight"] = ones(4, 4), ["bias"] = ones(4) };
        error = Assert.Throws<StateDictException>(() => bodiless.load_parametrized_state_dict(whole));
        Assert.Equal(2, error.Problems.Count);
    }

    private sealed class Counter : nn.Module
    {
        public Counter()
            : base(nameof(Counter)) => register_buffer("num_batches_tracked", zeros(1));
    }
}

using Parametrize;
using Parametrize.CSharp;
using Properties.CSharp.Support;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp.State;

/// <summary>States of models that something was wrapped around, as PyTorch's DataParallel does.</summary>
public class LoadingWithAPrefix
{
    private const string Prefix = "module.";

    public static TheoryData<string, bool> Cases
    {
        get
        {
            var cases = new TheoryData<string, bool>();
            foreach (var kind in States.Keys)
            foreach (var isParametrized in (bool[])[false, true])
                cases.Add(kind, isParametrized);
            return cases;
        }
    }

    private static readonly Dictionary<string, Func<Dictionary<string, Tensor>>> States = new()
    {
        ["parametrized"] = () => Models.StateOf(Network.Parametrized()),
        ["plain"] = () => Network.Parametrized().baked_state_dict(),
        ["of old names"] = () =>
        {
            var state = Models.StateOf(Network.Parametrized());
            Rename("fc2.parametrizations.weight.original0", "fc2.weight_g");
            Rename("fc2.parametrizations.weight.original1", "fc2.weight_v");
            return state;

            void Rename(string key, string old)
            {
                Assert.True(state.Remove(key, out var tensor));
                state.Add(old, tensor);
            }
        },
    };

    [Theory]
    [MemberData(nameof(Cases))]
    public void It_loads_what_the_state_without_it_loads(string kind, bool isParametrized)
    {
        using var scope = NewDisposeScope();
        var state = States[kind]();
        Assert.Equal("<All keys matched successfully>", $"{Load(state, "")}");
        Assert.Equal("<All keys matched successfully>", $"{Load(Wrapped(state), Prefix)}");
        // Keys without it are taken as they are, and it need not be the whole of a name.
        Assert.Equal("<All keys matched successfully>", $"{Load(state, Prefix)}");
        Assert.Equal("<All keys matched successfully>", $"{Load(Wrapped(state, "net.module."), "net.module.")}");
        var mixed = state.ToDictionary(pair => pair.Key[0] == 'f' ? pair.Key : Prefix + pair.Key, pair => pair.Value);
        Assert.Equal("<All keys matched successfully>", $"{Load(mixed, Prefix)}");

        IncompatibleKeys Load(Dictionary<string, Tensor> given, string prefix)
        {
            var (expected, model) = (New(isParametrized), New(isParametrized));
            expected.load_parametrized_state_dict(state, parametrizations: Maps);
            var keys = model.load_parametrized_state_dict(given, parametrizations: Maps, prefix: prefix);
            foreach (var (key, tensor) in expected.baked_state_dict())
                Near.Identical(tensor, model.baked_state_dict()[key]);
            return keys;
        }
    }

    [Fact]
    public void Without_being_asked_for_nothing_is_taken_off()
    {
        var state = Wrapped(Models.StateOf(Models.Plain()));
        var error = Assert.Throws<StateDictException>(() => Models.Plain().load_parametrized_state_dict(state));
        Assert.Equal(["fc.bias", "fc.weight"], error.MissingKeys.Order());
        Assert.Equal(["module.fc.bias", "module.fc.weight"], error.UnexpectedKeys.Order());
    }

    [Fact]
    public void What_does_not_fit_is_named_as_the_state_names_it()
    {
        var model = Models.Parametrized(Parametrizations.Orthogonal());
        var before = Snapshot.Of(model);
        var state = Wrapped(Models.StateOf(model));
        state.Remove("module.fc.bias");
        state["module.head.weight"] = ones(2);
        state["other"] = ones(2);
        state["module.fc.parametrizations.weight.0.base"] = ones(4, 4);
        var error = Assert.Throws<StateDictException>(() => model.load_parametrized_state_dict(state, prefix: Prefix));
        Assert.Equal(["fc.bias"], error.MissingKeys);
        Assert.Equal(["module.head.weight", "other"], error.UnexpectedKeys);
        Assert.StartsWith("module.fc.parametrizations.weight.0.base: ", Assert.Single(error.Problems));
        before.AssertUnchanged();

        state["module.fc.parametrizations.weight.0.base"] = eye(4);
        var keys = model.load_parametrized_state_dict(state, strict: false, prefix: Prefix);
        Assert.Equal(["fc.bias"], keys.MissingKeys);
        Assert.Equal(["module.head.weight", "other"], keys.UnexpectedKeys);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_message_names_the_prefix_that_is_to_be_left_out(bool isPlain)
    {
        var network = Network.Parametrized();
        var state = Wrapped(isPlain ? network.baked_state_dict() : Models.StateOf(network));
        var error = Assert.Throws<StateDictException>(() => network.load_parametrized_state_dict(state));
        Assert.Equal(
            "Every unexpected key begins with module., as DataParallel saves them: load with prefix: \"module.\".",
            error.Message.Split(Environment.NewLine)[^1]
        );
        network.load_parametrized_state_dict(state, prefix: "module.");

        state["other"] = ones(2);
        error = Assert.Throws<StateDictException>(() => network.load_parametrized_state_dict(state));
        Assert.Contains("Load with strict: false", error.Message);
    }

    [Theory]
    [InlineData("fc.weight")]
    [InlineData("fc.bias")]
    public void Plain_tensors_of_another_shape_are_named_as_the_state_names_them(string key)
    {
        foreach (var model in (nn.Module[])[Models.Plain(), Models.Parametrized(Parametrizations.Skew)])
        {
            var state = Wrapped(Models.StateOf(Models.Plain()));
            state["module.fc.weight"] = zeros(4, 4);
            state[Prefix + key] = ones(5);
            var error = Assert.Throws<StateDictException>(() =>
                model.load_parametrized_state_dict(state, strict: false, prefix: Prefix)
            );
            Assert.StartsWith($"module.{key}: shape", Assert.Single(error.Problems));
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Two_keys_that_are_one_without_it_are_refused(bool strict)
    {
        var model = Models.Plain();
        var before = Snapshot.Of(model);
        var state = Models.StateOf(model);
        state["module.fc.bias"] = ones(4);
        var error = Assert.Throws<StateDictException>(() =>
            model.load_parametrized_state_dict(state, strict, prefix: Prefix)
        );
        Assert.Equal(
            "fc.bias and module.fc.bias are both fc.bias without the prefix module.",
            Assert.Single(error.Problems)
        );
        before.AssertUnchanged();
    }

    /// <summary>The file of a model that holds the other: what it says of its values is under the longer names.</summary>
    [Fact]
    public void Files_say_of_which_values_their_tensors_are()
    {
        using var scope = NewDisposeScope();
        var inner = Models.Parametrized(Parametrizations.Cayley());
        var path = Path.GetTempFileName();
        try
        {
            Safetensors.Save(path, nn.Sequential([("module", inner)]));
            var model = Models.Parametrized(Parametrizations.MatrixExp());
            var error = Assert.Throws<StateDictException>(() =>
                model.load_parametrized_state_dict(Safetensors.Load(path), prefix: Prefix)
            );
            Assert.Contains("convert: true", Assert.Single(error.Problems));
            model.load_parametrized_state_dict(Safetensors.Load(path), convert: true, prefix: Prefix);
            Near.Same(Models.Weight(inner), Models.Weight(model));
            var plain = Models.Plain();
            plain.load_parametrized_state_dict(Safetensors.Load(path), prefix: Prefix);
            Near.Same(Models.Weight(inner), plain.state_dict()["fc.weight"].detach());
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Fact]
    public void What_a_file_has_but_was_not_read_is_named_as_in_the_file()
    {
        var file = Files.Of("""{"module.fc.weight":{"dtype":"U16","shape":[4,4],"data_offsets":[0,32]}}""", 32);
        var error = Assert.Throws<StateDictException>(() =>
            Models.Plain().load_parametrized_state_dict(Files.Loaded(file), prefix: Prefix)
        );
        Assert.StartsWith("module.fc.weight is U16 in the file", Assert.Single(error.Problems));
    }

    private static readonly Dictionary<string, Parametrization> Maps = new()
    {
        ["fc1.weight"] = Parametrizations.Orthogonal(OrthogonalMap.Cayley),
        ["fc2.weight"] = Parametrizations.WeightNorm(),
        ["fc3.weight"] = Parametrizations.Orthogonal(),
    };

    private static Network New(bool isParametrized) => isParametrized ? Network.Parametrized() : new();

    private static Dictionary<string, Tensor> Wrapped(Dictionary<string, Tensor> state, string prefix = Prefix) =>
        state.ToDictionary(pair => prefix + pair.Key, pair => pair.Value);

    [Fact]
    public void A_file_without_the_prefix_says_its_values()
    {
        using var file = new MemoryStream();
        Safetensors.Save(file, Models.Parametrized(Parametrizations.Cayley()));
        file.Position = 0;
        var model = Models.Parametrized(Parametrizations.MatrixExp());
        var state = Safetensors.Load(file);
        Assert.Throws<StateDictException>(() => model.load_parametrized_state_dict(state, prefix: "module."));
    }
}

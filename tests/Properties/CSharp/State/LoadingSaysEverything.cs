using Parametrize;
using Parametrize.CSharp;
using Properties.CSharp.Support;
using TorchSharp.Modules;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp.State;

/// <summary>Every property of what loading throws and returns, strict and not.</summary>
public class LoadingSaysEverything
{
    /// <summary>A change to a state that fits, and what is said of it.</summary>
    private sealed record Case(
        Action<Dictionary<string, Tensor>> Change,
        string[] Missing,
        string[] Unexpected,
        string[] Problems
    );

    private static readonly Dictionary<string, Case> Cases = new()
    {
        ["missing"] = new(state => state.Remove("fc.bias"), ["fc.bias"], [], []),
        ["missing pieces"] = new(
            state => state.Remove("fc.parametrizations.weight.0.base"),
            ["fc.parametrizations.weight.0.base"],
            [],
            []
        ),
        ["all missing"] = new(
            state => state.Clear(),
            ["fc.parametrizations.weight.original", "fc.parametrizations.weight.0.base", "fc.bias"],
            [],
            []
        ),
        ["unexpected"] = new(state => (state["b.x"], state["a.x"]) = (ones(1), ones(2)), [], ["b.x", "a.x"], []),
        ["both"] = new(
            state =>
            {
                state.Remove("fc.bias");
                state["fc.bios"] = ones(4);
            },
            ["fc.bias"],
            ["fc.bios"],
            []
        ),
        ["shape"] = new(
            state => state["fc.bias"] = ones(5),
            [],
            [],
            ["fc.bias: shape [4] was expected, but [5] was found."]
        ),
        ["shape, missing and unexpected"] = new(
            state =>
            {
                state["fc.bias"] = ones(5);
                state.Remove("fc.parametrizations.weight.original");
                state["head"] = ones(1);
            },
            ["fc.parametrizations.weight.original"],
            ["head"],
            ["fc.bias: shape [4] was expected, but [5] was found."]
        ),
        ["imaginary part"] = new(
            state => state["fc.bias"] = ones(4, dtype: ScalarType.ComplexFloat32),
            [],
            [],
            ["fc.bias: Float64 was expected, but ComplexFloat32 was found, whose imaginary part would be lost."]
        ),
        ["not finite"] = new(
            state => state["fc.parametrizations.weight.original"] = full(4, 4, double.NaN),
            [],
            [],
            ["fc.parametrizations.weight.original: finite numbers were expected, but 16 are NaN or infinite."]
        ),
        ["no data"] = new(
            state => state["fc.bias"] = empty(4, device: META),
            [],
            [],
            ["fc.bias: numbers were expected, but it is on the meta device."]
        ),
    };

    public static TheoryData<string, bool> All
    {
        get
        {
            var cases = new TheoryData<string, bool>();
            foreach (var name in Cases.Keys)
            foreach (var strict in (bool[])[true, false])
                cases.Add(name, strict);
            return cases;
        }
    }

    [Theory]
    [MemberData(nameof(All))]
    public void What_is_thrown_or_returned(string name, bool strict)
    {
        using var scope = NewDisposeScope();
        var (missing, unexpected, problems) = (Cases[name].Missing, Cases[name].Unexpected, Cases[name].Problems);
        var model = Models.Parametrized(Parametrizations.Orthogonal());
        var state = Models.StateOf(Models.Parametrized(Parametrizations.Orthogonal()));
        Cases[name].Change(state);
        var before = Snapshot.Of(model);
        if (!strict && problems.Length == 0)
        {
            var keys = model.load_parametrized_state_dict(state, strict);
            Assert.Equal(missing.Order(), keys.MissingKeys.Order());
            Assert.Equal(unexpected, keys.UnexpectedKeys);
            return;
        }
        var error = Assert.Throws<StateDictException>(() => model.load_parametrized_state_dict(state, strict));
        Assert.Equal(strict ? missing.Order() : [], error.MissingKeys.Order());
        Assert.Equal(strict ? unexpected : [], error.UnexpectedKeys);
        Assert.Equal(problems, error.Problems);
        string[] lines =
        [
            "The state dictionary does not fit Sequential; nothing was changed.",
            .. strict && missing.Length > 0
                ? [$"Missing: {string.Join(", ", error.MissingKeys)}."]
                : Array.Empty<string>(),
            .. strict && unexpected.Length > 0
                ? [$"Unexpected: {string.Join(", ", unexpected)}."]
                : Array.Empty<string>(),
            .. problems,
            .. problems.Length == 0
                ? [$"Load with strict: false to load only what fits{(strict && LacksPieces(missing) ? Beware : ".")}"]
                : Array.Empty<string>(),
        ];
        Assert.Equal(lines, error.Message.Split(Environment.NewLine));
        Assert.Null(error.InnerException);
        before.AssertUnchanged();
    }

    private const string Beware =
        ". Note: a parametrized tensor with missing pieces will then differ from the saved one.";

    private static bool LacksPieces(string[] missing) => missing.Any(key => key.Contains(".parametrizations."));

    [Theory]
    [InlineData("FC.*")]
    [InlineData("fc.wieght")]
    [InlineData("*.nothing")]
    [InlineData("weight")]
    public void Maps_that_name_nothing_are_refused(string name)
    {
        var state = Models.StateOf(Models.Parametrized(Parametrizations.Cayley()));
        var model = Models.Parametrized(Parametrizations.MatrixExp());
        var before = Snapshot.Of(model);
        var maps = new Dictionary<string, Parametrization> { [name] = Parametrizations.Cayley() };
        foreach (var strict in new[] { true, false })
        {
            var error = Assert.Throws<StateDictException>(() =>
                model.load_parametrized_state_dict(state, strict, parametrizations: maps)
            );
            Assert.Contains(
                $"parametrizations: '{name}' names no tensor of the state. Those that are computed from others: fc.weight.",
                error.Message
            );
            before.AssertUnchanged();
        }
        maps[name] = null!;
        Assert.Throws<ArgumentException>(() => model.load_parametrized_state_dict(state, parametrizations: maps));
    }

    [Fact]
    public void Maps_may_name_what_the_model_lacks_when_keys_are_passed_over_and_what_the_state_has_as_it_is()
    {
        var state = Models.StateOf(Models.Parametrized(Parametrizations.Cayley()));
        var maps = new Dictionary<string, Parametrization> { ["fc.weight"] = Parametrizations.Cayley() };
        nn.Sequential(("other", nn.Linear(4, 4)))
            .load_parametrized_state_dict(state, strict: false, parametrizations: maps);
        var plain = Models.Plain();
        plain.load_parametrized_state_dict(Models.StateOf(plain), parametrizations: maps);
    }

    [Fact]
    public void Arguments_are_named()
    {
        var model = Models.Plain();
        var state = Models.StateOf(model);
        Assert.Equal("model", Name(() => ((Linear)null!).load_parametrized_state_dict(state)));
        Assert.Equal("state", Name(() => model.load_parametrized_state_dict(null!)));
        Assert.Equal("prefix", Name(() => model.load_parametrized_state_dict(state, prefix: null!)));
        state["fc.bias"] = null!;
        Assert.Equal("state", Name(() => model.load_parametrized_state_dict(state)));
        Assert.Equal("parametrizations", Name(() => LoadTwice()));

        static string? Name(Action load) => Assert.ThrowsAny<ArgumentException>(load).ParamName;

        static void LoadTwice() =>
            Models
                .Plain()
                .load_parametrized_state_dict(
                    Models.StateOf(Models.Parametrized(Parametrizations.Cayley())),
                    parametrizations: new Dictionary<string, Parametrization>
                    {
                        ["*.weight"] = Parametrizations.Cayley(),
                        ["fc.*"] = Parametrizations.MatrixExp(),
                    }
                );
    }
}

using Parametrize.CSharp;
using Parametrize.CSharp.Binding;
using Properties.CSharp.Support;
using TorchSharp;
using TorchSharp.Modules;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp.Binding;

/// <summary>The table of what can be in a field, and what each event makes of it.</summary>
public class SlotsChangeTheirState
{
    private static readonly string[] Events =
    [
        "use",
        "query",
        "begin scope",
        "end scope",
        "assign",
        "write",
        "freeze",
        "move",
        "empty",
        "load",
        "dispose",
    ];

    /// <summary>How a state comes about, and the next one for each event; an exclamation mark where the event is refused.</summary>
    /// <remarks>
    /// The value in a scope is no leaf: libtorch ignores a flag that is set there. Linear disposes no field that is null.
    /// </remarks>
    private static readonly Dictionary<string, (string[] By, string[] Next)> Table = new()
    {
        ["Hidden"] = (
            [],
            [
                "Hidden",
                "Hidden",
                "Exposed",
                "Hidden",
                "Assigned",
                "Written",
                "RequiresGradChanged",
                "Hidden",
                "Emptied",
                "Hidden",
                "Released",
            ]
        ),
        ["Exposed"] = (
            ["begin scope"],
            [
                "Exposed",
                "Exposed",
                "Exposed",
                "Hidden",
                "Assigned",
                "Written",
                "Exposed",
                "Exposed",
                "Emptied",
                "Exposed",
                "Released",
            ]
        ),
        ["Written"] = (
            ["write"],
            [
                "Hidden!",
                "Written",
                "Hidden!",
                "Written",
                "Assigned",
                "Written",
                "Written",
                "Written",
                "Emptied",
                "Written",
                "Released",
            ]
        ),
        ["RequiresGradChanged"] = (
            ["freeze"],
            [
                "Hidden",
                "RequiresGradChanged",
                "Exposed",
                "RequiresGradChanged",
                "Assigned",
                "Written",
                "Hidden",
                "Hidden",
                "Emptied",
                "RequiresGradChanged",
                "Released",
            ]
        ),
        ["Emptied"] = (
            ["empty"],
            ["Hidden!", "Emptied", "Hidden!", "Emptied", "Assigned", "", "", "Emptied", "Emptied", "Emptied", "Emptied"]
        ),
        ["Assigned"] = (
            ["assign"],
            [
                "Hidden",
                "Assigned",
                "Exposed",
                "Assigned",
                "Assigned",
                "Assigned",
                "Assigned",
                "Assigned",
                "Emptied",
                "Outdated",
                "Released",
            ]
        ),
        ["Outdated"] = (
            ["assign", "load"],
            [
                "Hidden",
                "Hidden",
                "Exposed",
                "Outdated",
                "Assigned",
                "Outdated",
                "Outdated",
                "",
                "Emptied",
                "Hidden",
                "Released",
            ]
        ),
    };

    public static TheoryData<string, string> Cases
    {
        get
        {
            var cases = new TheoryData<string, string>();
            foreach (var (state, (_, next)) in Table)
            foreach (var (action, index) in Events.Select((action, index) => (action, index)))
                if (next[index].Length > 0)
                    cases.Add(state, action);
            return cases;
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void As_the_table_says(string state, string next)
    {
        using var _ = NewDisposeScope();
        var (by, states) = Table[state];
        var subject = new Subject();
        foreach (var action in by)
            subject.Happen(action);
        Assert.Equal(state, subject.State);
        var expected = states[Array.IndexOf(Events, next)];
        var error = Record.Exception(() => subject.Happen(next));
        Assert.Equal(expected, subject.State + (error is null ? "" : "!"));
    }

    private sealed class Subject
    {
        private readonly Linear _layer = nn.Linear(4, 3).register_parametrization("bias", new Doubling().Value);
        private readonly ModuleBinding _binding;
        private IDisposable? _scope;

        public Subject() => _binding = _layer.parametrization("bias").Binding.Modules[0];

        public string State => _binding.States.Single().ToString();

        public void Happen(string action)
        {
            var dtype = _layer.weight.dtype;
            switch (action)
            {
                case "use":
                    _layer.call(ones([1, 4], dtype));
                    break;
                case "query":
                    _ = _layer.parameters().ToList();
                    break;
                case "begin scope":
                    _scope = parametrize.cached(_layer);
                    break;
                case "end scope":
                    _scope?.Dispose();
                    break;
                case "assign":
                    _layer.bias = nn.Parameter(ones([3], dtype));
                    break;
                case "write":
                    using (no_grad())
                        _layer.bias!.fill_(1);
                    break;
                case "freeze":
                    _layer.bias!.requires_grad = !_layer.bias.requires_grad;
                    break;
                case "move":
                    _layer.to(dtype == ScalarType.Float32 ? ScalarType.Float64 : ScalarType.Float32);
                    break;
                case "load":
                    _layer.load_state_dict(
                        new()
                        {
                            ["weight"] = ones([3, 4], dtype),
                            ["parametrizations.bias.original"] = ones([3], dtype),
                        }
                    );
                    break;
                case "empty":
                    _layer.bias = null;
                    break;
                default:
                    _layer.Dispose();
                    break;
            }
        }
    }
}

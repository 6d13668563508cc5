using Parametrize;
using Parametrize.CSharp;
using Properties.CSharp.Support;
using TorchSharp.Modules;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp.Threads;

/// <summary>
/// Other threads call a module with a parametrized tensor while one registers another tensor of it, and removes that again:
/// each pass computes what the plain module computes.
/// </summary>
public class RegisteringWaitsForPasses
{
    private const int Readers = 4;
    private const int Rounds = 60;

    private static readonly Dictionary<string, (Func<nn.Module> Make, string First, string Second)> Modules = new()
    {
        ["Linear"] = (() => nn.Linear(4, 4), "weight", "bias"),
        ["Sequential"] = (() => nn.Sequential(("a", nn.Linear(4, 4)), ("b", nn.Linear(4, 4))), "a.weight", "b.weight"),
        ["GRUCell"] = (() => nn.GRUCell(4, 4), "weight_hh", "weight_ih"),
        ["TransformerEncoderLayer"] = (
            () => nn.Sequential(("layer", nn.TransformerEncoderLayer(4, 2, 4, 0))),
            "layer.linear1.weight",
            "layer.linear2.weight"
        ),
        ["ParameterList"] = (() => new WithList(), "all.0", "all.1"),
    };

    public static TheoryData<string, string> Cases
    {
        get
        {
            var cases = new TheoryData<string, string>();
            foreach (var module in Modules.Keys)
            foreach (var scope in new[] { "none", "cached()", "cached(model)" })
                cases.Add(module, scope);
            return cases;
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Passes_compute_as_before(string kind, string scope)
    {
        var (make, first, second) = Modules[kind];
        var module = make();
        using var input = kind == "TransformerEncoderLayer" ? randn(3, 2, 4) : randn(3, 4);
        using var expected = Call(module, input);
        module.register_parametrization(first, Parametrizations.Identity);
        using var covering = scope == "cached(model)" ? parametrize.cached(module) : null;
        AmongPasses(
            () => CallsAs(expected, module, input),
            hasFailed =>
            {
                for (var round = 0; round < Rounds && !hasFailed(); round++)
                {
                    module.register_parametrization(second, Parametrizations.Identity);
                    Thread.Sleep(1);
                    module.remove_parametrizations(second);
                    Thread.Sleep(1);
                }
            },
            () => scope == "cached()" ? parametrize.cached() : null
        );
    }

    /// <summary>The hooks of the module go while passes of other threads are iterating over them.</summary>
    [Theory]
    [MemberData(nameof(Cases))]
    public void The_last_tensor_is_removed_between_passes(string kind, string scope)
    {
        var (make, first, second) = Modules[kind];
        for (var round = 0; round < Rounds; round++)
        {
            using var all = NewDisposeScope();
            var module = make();
            var input = kind == "TransformerEncoderLayer" ? randn(3, 2, 4) : randn(3, 4);
            var expected = Call(module, input);
            module.register_parametrization(first, Parametrizations.Identity);
            module.register_parametrization(second, Parametrizations.Identity);
            var passes = 0;
            AmongPasses(
                () =>
                {
                    using var covering = scope switch
                    {
                        "none" => null,
                        "cached()" => parametrize.cached(),
                        _ => parametrize.cached(module),
                    };
                    CallsAs(expected, module, input);
                    Interlocked.Increment(ref passes);
                },
                hasFailed =>
                {
                    SpinWait.SpinUntil(() => Volatile.Read(ref passes) > Readers || hasFailed());
                    module.remove_parametrizations(first);
                    module.remove_parametrizations(second);
                }
            );
        }
    }

    /// <summary>What an optimizer or a state gets is complete, and has nothing that stands for a tensor during passes.</summary>
    [Theory]
    [InlineData("Embedding")]
    [InlineData("GRUCell")]
    public void Queries_see_no_tensor_that_only_passes_have(string kind)
    {
        var module = kind == "Embedding" ? (nn.Module)nn.Embedding(5, 4) : nn.GRUCell(4, 4);
        module.register_parametrization(kind == "Embedding" ? "weight" : "weight_hh", Parametrizations.Identity);
        using var input = kind == "Embedding" ? tensor(new long[] { 0, 1, 2 }) : randn(3, 4);
        var names = module.named_parameters().Select(named => named.name).ToList();
        var keys = module.state_dict().Keys.ToList();
        AmongPasses(
            () => Call(module, input).Dispose(),
            _ =>
            {
                for (var round = 0; round < 2000; round++)
                {
                    Assert.Equal(names, module.named_parameters().Select(named => named.name));
                    Assert.Equal(keys, module.state_dict().Keys);
                }
            }
        );
    }

    /// <summary>Work of this thread while others make passes, none of which may fail.</summary>
    /// <param name="pass">What the others do again and again.</param>
    /// <param name="work">The work; it is told how to ask whether a pass has failed.</param>
    /// <param name="lasting">What each of the others opens before its first pass. Default: nothing.</param>
    private static void AmongPasses(Action pass, Action<Func<bool>> work, Func<IDisposable?>? lasting = null)
    {
        var (isOver, failure) = (false, (Exception?)null);
        var threads = Enumerable.Range(0, Readers).Select(_ => new Thread(Read)).ToList();
        threads.ForEach(thread => thread.Start());
        try
        {
            work(() => Volatile.Read(ref failure) is not null);
        }
        finally
        {
            Volatile.Write(ref isOver, true);
            threads.ForEach(thread => thread.Join());
        }
        Assert.Null(failure);

        void Read()
        {
            try
            {
                using var own = lasting?.Invoke();
                while (!Volatile.Read(ref isOver))
                    pass();
            }
            catch (Exception error)
            {
                Volatile.Write(ref failure, error);
            }
        }
    }

    private static void CallsAs(Tensor expected, nn.Module module, Tensor input)
    {
        using var found = Call(module, input);
        Near.Same(expected, found);
    }

    private static Tensor Call(nn.Module module, Tensor input)
    {
        using var _ = no_grad();
        return module switch
        {
            GRUCell cell => cell.call(input, input),
            nn.Module<Tensor, Tensor> unary => unary.call(input),
            _ => throw new ArgumentException("It has no call.", nameof(module)),
        };
    }

    private sealed class WithList : nn.Module<Tensor, Tensor>
    {
        private readonly ParameterList all = nn.ParameterList(nn.Parameter(randn(4, 4)), nn.Parameter(randn(4, 4)));

        public WithList()
            : base(nameof(WithList)) => RegisterComponents();

        public override Tensor forward(Tensor x) => x.mm(all[0]).tanh().mm(all[1]);
    }
}

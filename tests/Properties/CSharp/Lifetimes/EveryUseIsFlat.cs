using System.Diagnostics;
using Parametrize;
using Parametrize.CSharp;
using TorchSharp;
using TorchSharp.Modules;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp.Lifetimes;

/// <summary>
/// Live tensors are counted without a dispose scope and before any collection: whatever is done with whatever kind of tensor,
/// in and out of scopes, as many are there afterwards as before.
/// </summary>
public class EveryUseIsFlat
{
    private const int Times = 5;

    private static readonly Dictionary<string, Func<Used>> Kinds = new()
    {
        ["parameter"] = () => Used.Of(nn.Linear(4, 4), "weight", Parametrizations.Orthogonal()),
        ["weight norm"] = () => Used.Of(nn.Linear(4, 4), "weight", Parametrizations.WeightNorm()),
        ["spectral norm"] = () => Used.Of(nn.Linear(4, 4), "weight", Parametrizations.SpectralNorm()),
        ["identity"] = () => Used.Of(nn.Linear(4, 4), "weight", Parametrizations.Identity),
        ["buffer"] = () => Used.Of(nn.BatchNorm1d(4), "running_var", Parametrizations.Positive),
        ["joint"] = () => Used.Of(nn.Linear(4, 4), "weight+bias", Parametrizations.WeightNorm()),
        ["embedding"] = () =>
            new(
                nn.Embedding(4, 4).register_parametrization("weight", Parametrizations.Sphere()),
                "weight",
                module => ((Embedding)module).call(Used.Indices)
            ),
        ["native"] = () =>
            new(
                nn.LSTM(4, 4).register_parametrization("weight_hh_l0", Parametrizations.WeightNorm()),
                "weight_hh_l0",
                module =>
                {
                    var (output, hidden, cell) = ((LSTM)module).call(Used.Sequence, (Used.State, Used.State));
                    hidden.Dispose();
                    cell.Dispose();
                    return output;
                }
            ),
    };

    private static readonly Dictionary<string, Action<Used>> Actions = new()
    {
        ["pass"] = used => used.Pass(),
        ["pass without gradients"] = used =>
        {
            using var _ = no_grad();
            used.Call(used.Module).Dispose();
        },
        ["throwing pass"] = used =>
        {
            used.IsThrowing = true;
            Assert.ThrowsAny<Exception>(() => used.Call(used.Module).Dispose());
            used.IsThrowing = false;
        },
        ["writing"] = used =>
        {
            using var present = used.Tensor.Value;
            used.Tensor.Value = present;
        },
        ["refused writing"] = used => Assert.ThrowsAny<Exception>(() => used.Tensor.Value = Used.Nothing),
        ["renewal"] = used =>
        {
            used.Step();
            used.Call(used.Module).Dispose();
        },
        ["load"] = used => used.Module.load_parametrized_state_dict(used.Saved),
        ["reading"] = used => used.Tensor.Value.Dispose(),
    };

    public static TheoryData<string, string, string> Cases
    {
        get
        {
            var data = new TheoryData<string, string, string>();
            foreach (var kind in Kinds.Keys)
            foreach (var action in Actions.Keys)
            foreach (var scope in (string[])["none", "cached", "cached model", "around all", "around all of a model"])
                data.Add(kind, action, scope);
            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void As_many_tensors_are_there_as_before(string kind, string action, string scope)
    {
        using var used = Kinds[kind]();
        var act = Actions[action];
        using var outer = scope switch
        {
            "around all" => parametrize.cached(),
            "around all of a model" => parametrize.cached(used.Module),
            _ => null,
        };
        Assert.Equal(
            0,
            Growth(() =>
            {
                using var inner = scope switch
                {
                    "cached" => parametrize.cached(),
                    "cached model" => parametrize.cached(used.Module),
                    _ => null,
                };
                act(used);
            })
        );
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Solving_leaves_no_tensors(bool isScoped)
    {
        var layer = nn.Linear(4, 4).register_parametrization("weight", Parametrizations.Invertible);
        var tensor = layer.parametrization("weight");
        using var right = randn(4, 2);
        using var scope = isScoped ? parametrize.cached() : null;
        Assert.Equal(0, Growth(() => tensor.Solve(right).Dispose()));
        Assert.Equal(0, Growth(() => tensor.LogAbsDeterminant().Dispose()));
    }

    [Fact]
    public void A_converted_tensor_takes_the_place_of_the_one_that_was_there()
    {
        using var shell = new Tool.Shell();
        Safetensors.Save(shell["plain.safetensors"], new Dictionary<string, Tensor> { ["w"] = ones(2, 2) });
        using var saved = SavedModel.Load(shell["plain.safetensors"]);
        Assert.Equal(0, Growth(() => saved.Convert("w", Parametrizations.Scale(2))));
    }

    /// <summary>
    /// A collection would hide what was left to it: then it is counted again. So it is where the machine was slow: 100 ms after an
    /// exception nobody knows whether the pass still computes, and for 10 s tensors are left to the collector.
    /// </summary>
    private static long Growth(Action act)
    {
        if (GrowthNow(act) is 0)
            return 0;
        Thread.Sleep(TimeSpan.FromSeconds(11));
        return GrowthNow(act);
    }

    private static long GrowthNow(Action act)
    {
        act();
        act();
        GC.Collect();
        GC.WaitForPendingFinalizers();
        for (var attempt = 0; ; attempt++)
        {
            var (collections, before) = (GC.CollectionCount(0), Tensor.TotalCount);
            var elapsed = Stopwatch.StartNew();
            for (var time = 0; time < Times; time++)
                act();
            var growth = Tensor.TotalCount - before;
            var isSure = collections == GC.CollectionCount(0) && elapsed.ElapsedMilliseconds < 50;
            if (isSure)
                return growth;
            // On a machine that is always slow, only what no collector finds counts.
            if (attempt == 100)
            {
                GC.Collect();
                GC.WaitForPendingFinalizers();
                return Math.Max(0, Tensor.TotalCount - before);
            }
        }
    }

    /// <summary>A module with a parametrized tensor, how it is called, and what that needs, which is made once.</summary>
    private sealed class Used(nn.Module module, string name, Func<nn.Module, Tensor> call) : IDisposable
    {
        public static readonly Tensor Rows = randn(5, 4);
        public static readonly Tensor Sequence = randn(3, 2, 4);
        public static readonly Tensor State = zeros(1, 2, 4);
        public static readonly Tensor Indices = randint(0, 4, 5);
        public static readonly Tensor Nothing = zeros(3, 3, 3);
        public static readonly Tensor Shrinking = full([], 0.99);
        private static readonly Tensor Misfit = zeros(2, 3);

        public nn.Module Module => module;

        public bool IsThrowing { get; set; }

        public ParametrizedTensor Tensor { get; } = module.parametrization(name);

        /// <summary>Copies: a state's own tensors are those of the module.</summary>
        public Dictionary<string, Tensor> Saved { get; } =
            module.state_dict().ToDictionary(entry => entry.Key, entry => entry.Value.detach().clone());

        public static Used Of(nn.Module<Tensor, Tensor> module, string name, Parametrization value) =>
            new(
                module.register_parametrization(name, value),
                name,
                called => ((nn.Module<Tensor, Tensor>)called).call(Rows)
            );

        public Tensor Call(nn.Module called)
        {
            if (!IsThrowing)
                return call(called);
            // Inside the pass, after the value was computed.
            using var hook = called is LSTM or Embedding ? null : new Throwing(called);
            return called switch
            {
                LSTM lstm => lstm.call(Misfit, (State, State)).Item1,
                Embedding embedding => embedding.call(Nothing),
                _ => call(called),
            };
        }

        public void Pass()
        {
            using var output = call(module);
            using var loss = output.sum();
            loss.backward();
            foreach (var part in Tensor.Originals)
            {
                using var gradient = part.grad;
                part.grad = null;
            }
            Step();
        }

        /// <summary>As an optimizer writes. In-place operations return the same object at times, and another at others.</summary>
        public void Step()
        {
            using var _ = no_grad();
            foreach (var part in Tensor.Originals)
                if (part.mul_(Shrinking) is var written && !ReferenceEquals(written, part))
                    written.Dispose();
        }

        public void Dispose() => module.Dispose();

        /// <summary>A hook that throws, behind those of the library.</summary>
        private sealed class Throwing : IDisposable
        {
            private readonly nn.HookableModule<
                Func<nn.Module<Tensor, Tensor>, Tensor, Tensor>,
                Func<nn.Module<Tensor, Tensor>, Tensor, Tensor, Tensor>
            >.HookRemover _remover;

            public Throwing(nn.Module module) =>
                _remover = ((nn.Module<Tensor, Tensor>)module).register_forward_pre_hook(
                    (_, _) => throw new InvalidOperationException("thrown by a hook")
                );

            public void Dispose() => _remover.remove();
        }
    }
}

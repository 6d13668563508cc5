using System.Runtime.CompilerServices;
using Parametrize.CSharp;
using Properties.CSharp.Support;
using TorchSharp;
using TorchSharp.Modules;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp.Shared;

/// <summary>What several modules share is evaluated once in a cached scope, by whatever reads it.</summary>
public class SharedTensorsInScopes
{
    public static TheoryData<string> Kinds => new(Tied.Kinds);

    private static Tensor Input(string kind) => kind == "Embedding" ? randint(0, 4, 5) : randn(5, 4);

    [Theory]
    [MemberData(nameof(Kinds))]
    public void A_scope_evaluates_once_for_all(string kind)
    {
        var node = new Doubling();
        var tied = Tied.Of(node.Value, kind);
        node.Evaluations = 0;
        using (parametrize.cached())
            for (var use = 0; use < 3; use++)
            {
                tied.call(Input(kind));
                using var value = tied.decoder.parametrization(tied.Name).Value;
            }
        Assert.Equal(1, node.Evaluations);

        using (parametrize.cached(tied))
            tied.call(Input(kind));
        Assert.Equal(2, node.Evaluations);
    }

    [Fact]
    public void In_a_scope_both_fields_show_the_value_and_afterwards_neither()
    {
        var tied = Tied.Of(Parametrizations.Symmetric);
        var (first, second) = ((Linear)tied.encoder, (Linear)tied.decoder);
        using (parametrize.cached())
        {
            first.call(randn(2, 4));
            Near.Same(tied.Tensor.Value, first.weight);
            Near.Same(tied.Tensor.Value, second.weight);
        }
        Near.Placeholder(first.weight);
        Near.Placeholder(second.weight);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_module_that_was_collected_leaves_the_others_their_tensor(bool isCached)
    {
        var norm = nn.BatchNorm1d(3).register_parametrization("weight", Parametrizations.Positive);
        Lend(norm);
        GC.Collect();
        GC.WaitForPendingFinalizers();
        GC.Collect();
        using var input = randn(4, 3);
        using (isCached ? parametrize.cached() : null)
            norm.call(input);
        norm.to(float64);
        norm.call(input.to(float64));

        [MethodImpl(MethodImplOptions.NoInlining)]
        static void Lend(BatchNorm1d norm) =>
            nn.BatchNorm1d(3).share_parametrization("weight", norm.parametrization("weight")).call(randn(4, 3));
    }

    [Fact]
    public void Threads_in_one_scope_read_what_one_thread_reads()
    {
        var tied = Tied.Of(Parametrizations.Orthogonal());
        using var x = randn(3, 4);
        using var expected = tied.call(x).detach();
        using (parametrize.cached())
        {
            var distances = new double[8];
            var threads = distances
                .Select(
                    (_, index) =>
                        new Thread(() =>
                        {
                            for (var use = 0; use < 20; use++)
                            {
                                using var y = tied.call(x);
                                distances[index] += Near.Distance(expected, y);
                            }
                        })
                )
                .ToArray();
            Array.ForEach(threads, thread => thread.Start());
            Array.ForEach(threads, thread => thread.Join());
            Assert.All(distances, distance => Assert.InRange(distance, 0, 1e-4));
        }
    }

    [Fact]
    public void A_scope_inside_the_pass_of_one_leaves_that_pass_whole()
    {
        var inner = nn.Linear(4, 4).orthogonal();
        var outer = new Scoping(inner);
        outer.share_parametrization("weight", inner.parametrization("weight"));
        using var w = inner.parametrization("weight").Value;
        Near.Same(w, outer.call(eye(4)));
    }

    /// <summary>Opens a scope in the middle of its pass, and calls who shares its tensor.</summary>
    private sealed class Scoping : nn.Module<Tensor, Tensor>
    {
        private readonly Parameter weight = new(randn(4, 4));
        private readonly Linear[] _inner;

        public Scoping(Linear inner)
            : base(nameof(Scoping))
        {
            _inner = [inner];
            RegisterComponents();
        }

        public override Tensor forward(Tensor input)
        {
            using (parametrize.cached())
                _inner[0].call(input).Dispose();
            return input.matmul(weight);
        }
    }
}

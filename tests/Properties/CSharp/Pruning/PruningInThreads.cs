using Parametrize;
using Parametrize.CSharp;
using TorchSharp.Modules;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp;

/// <summary>Threads that prune one tensor at the same time: each takes entries that the others have left.</summary>
public class PruningInThreads
{
    private const int Threads = 4;

    /// <summary>By scores, which choose before anything is registered.</summary>
    [Fact]
    public void By_scores()
    {
        var scores = randn(40);
        Assert.Equal(40, PrunedByAll(40, module => module.l1_unstructured("weight", 10L, scores)));
    }

    [Fact]
    public void By_the_tensor() => Assert.Equal(40, PrunedByAll(40, module => module.l1_unstructured("weight", 10L)));

    /// <summary>Up to a share that the first of them reaches.</summary>
    [Fact]
    public void Up_to_a_share()
    {
        var scores = randn(40);
        Assert.Equal(20, PrunedByAll(40, module => module.up_to("weight", 0.5, scores)));
    }

    [Fact]
    public void Where_the_present_mask_is_that_of_a_view()
    {
        using var release = new ManualResetEventSlim();
        var module = new Waiting(randn(10, 2, 2), release);
        module.register_parametrization("weight", Parametrizations.OnKernel(Parametrizations.PrunedL1(0.0)));
        Prune(module, release, () => module.l1_unstructured("weight", 5L));
        Assert.Equal(20, module.Value().Zeros());
    }

    /// <summary>How many entries are zero when some threads have pruned one tensor.</summary>
    private static long PrunedByAll(int entries, Action<nn.Module> verb)
    {
        using var release = new ManualResetEventSlim();
        var module = new Waiting(randn(entries), release);
        prune.identity(module, "weight");
        Prune(module, release, () => verb(module));
        return module.Value().Zeros();
    }

    /// <summary>A pass keeps all of them waiting, so that each has begun before the first can change the tensor.</summary>
    private static void Prune(Waiting module, ManualResetEventSlim release, Action verb)
    {
        var pass = Task.Factory.StartNew(() => module.call(ones(1)), TaskCreationOptions.LongRunning);
        Assert.True(module.HasBegun.Wait(TimeSpan.FromSeconds(30)));
        Thread[] threads = [.. Enumerable.Range(0, Threads).Select(_ => new Thread(() => verb()))];
        foreach (var thread in threads)
            thread.Start();
        SpinWait.SpinUntil(
            () => threads.All(thread => thread.ThreadState.HasFlag(ThreadState.WaitSleepJoin)),
            TimeSpan.FromSeconds(5)
        );
        release.Set();
        pass.Wait();
        foreach (var thread in threads)
            thread.Join();
    }

    private sealed class Waiting : nn.Module<Tensor, Tensor>
    {
        public readonly Parameter weight;
        private readonly ManualResetEventSlim _release;

        public Waiting(Tensor initial, ManualResetEventSlim release)
            : base(nameof(Waiting))
        {
            (weight, _release) = (nn.Parameter(initial), release);
            RegisterComponents();
        }

        public ManualResetEventSlim HasBegun { get; } = new();

        public override Tensor forward(Tensor input)
        {
            HasBegun.Set();
            _release.Wait();
            return weight * input;
        }
    }
}

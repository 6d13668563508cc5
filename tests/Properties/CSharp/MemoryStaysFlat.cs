using Parametrize.CSharp;
using Properties.CSharp.Support;
using TorchSharp;
using TorchSharp.Modules;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp;

/// <summary>Nothing is left behind: by the balance of dispose scopes, and by the process's resident memory.</summary>
public class MemoryStaysFlat
{
    private const double Megabyte = 1024;

    /// <summary>Three parametrized tensors, one with buffers that training moves.</summary>
    private sealed class Model : nn.Module<Tensor, Tensor>
    {
        private readonly Linear first = nn.Linear(8, 8).orthogonal();
        private readonly Linear second = nn.Linear(8, 8).spectral_norm();
        private readonly LayerNorm norm = nn.LayerNorm([8])
            .register_parametrization("weight", Parametrizations.Positive);

        public Model()
            : base(nameof(Model)) => RegisterComponents();

        public override Tensor forward(Tensor input)
        {
            using var a = first.call(input);
            using var b = second.call(a);
            return norm.call(b);
        }
    }

    /// <summary>Kilobytes of the process that are in memory; zero where there is no /proc.</summary>
    private static double Resident()
    {
        for (var time = 0; time < 2; time++)
        {
            GC.Collect(2, GCCollectionMode.Aggressive, blocking: true, compacting: true);
            GC.WaitForPendingFinalizers();
        }
        if (!File.Exists("/proc/self/status"))
            return 0;
        var line = File.ReadLines("/proc/self/status")
            .First(text => text.StartsWith("VmRSS:", StringComparison.Ordinal));
        return double.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[^2]);
    }

    /// <summary>A leak grows every time; what the runtime and the allocator keep for once does not.</summary>
    private static void AssertGrowth(double megabytes, Action work)
    {
        var growth = new List<double>();
        do
        {
            var before = Resident();
            work();
            growth.Add((Resident() - before) / Megabyte);
        } while (growth[^1] >= megabytes && growth.Count < 3);
        Assert.True(growth[^1] < megabytes, $"{string.Join(", ", growth.Select(more => $"{more:f1}"))} MB more.");
    }

    private static void Train(
        Model model,
        optim.Optimizer optimizer,
        int steps,
        bool cached = false,
        bool cachedAllAlong = false
    )
    {
        using var input = randn(4, 8);
        using var lasting = cachedAllAlong ? parametrize.cached() : null;
        for (var step = 0; step < steps; step++)
        {
            using var _ = NewDisposeScope();
            using var scope = cached ? parametrize.cached(model) : null;
            optimizer.zero_grad();
            model.call(input).pow(2).mean().backward();
            scope?.Dispose();
            optimizer.step();
        }
    }

    [Theory]
    [InlineData(5_000, false, false)]
    [InlineData(2_000, true, false)]
    [InlineData(3_000, false, true)]
    public void Training_steps_leave_nothing(int steps, bool cached, bool cachedAllAlong)
    {
        // The runtime compiles what is hot and libtorch fills its caches: megabytes for a plain model too.
        var other = new Model();
        Train(other, optim.Adam(other.parameters(), 1e-3), 1500, cached, cachedAllAlong);
        Resident();

        var model = new Model();
        var optimizer = optim.Adam(model.parameters(), 1e-3);
        Train(model, optimizer, 500, cached, cachedAllAlong);
        AssertGrowth(5, () => Train(model, optimizer, steps, cached, cachedAllAlong));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Training_steps_leave_the_count_of_tensors_as_it_was(bool cached)
    {
        var model = new Model();
        var optimizer = optim.Adam(model.parameters(), 1e-3);
        Train(model, optimizer, 100, cached);
        Resident(); // Tensors that others have left to the garbage collector go now.
        var before = Tensor.TotalCount;
        Train(model, optimizer, 200, cached);
        Resident();
        // The collector may free what others have left meanwhile.
        Assert.InRange(Tensor.TotalCount, 0, before);
    }

    [Fact]
    public void Assigning_moving_bases_and_writing_statistics_leave_the_count_of_tensors_as_it_was()
    {
        var layer = nn.Linear(4, 4).orthogonal();
        var norm = nn.BatchNorm1d(4).register_parametrization("running_mean", Parametrizations.Bounded(-9, 9));
        void Cycle(int count)
        {
            for (var time = 0; time < count; time++)
            {
                using var _ = NewDisposeScope();
                layer.parametrization("weight").Value = layer.parametrization("weight").Value;
                layer.update_base("weight");
                norm.call(randn(3, 4));
            }
        }

        Cycle(10);
        Resident();
        var before = Tensor.TotalCount;
        Cycle(20);
        Resident();
        // The collector may free what others have left meanwhile.
        Assert.InRange(Tensor.TotalCount, 0, before);
    }

    [Fact]
    public void Cycles_of_registering_and_removing_leave_nothing()
    {
        // One matrix that stays for each cycle would be 64 MB.
        var layer = nn.Linear(128, 128);
        void Cycle(int count)
        {
            for (var time = 0; time < count; time++)
            {
                using var _ = NewDisposeScope();
                layer
                    .register_parametrization("weight", Parametrizations.Triangular(Parametrize.Triangle.Lower))
                    .register_parametrization("weight", Parametrizations.PrunedBernoulli(0.5, seed: 1))
                    .register_parametrization("bias", Parametrizations.Positive);
                layer.call(ones(1, 128));
                layer.remove_parametrizations("weight").remove_parametrizations("bias");
            }
        }

        Cycle(300);
        AssertGrowth(5, () => Cycle(1000));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_module_that_nobody_holds_is_collected(bool called)
    {
        static WeakReference Dropped(bool called)
        {
            var layer = nn.Linear(4, 4).orthogonal().register_parametrization("bias", Parametrizations.Positive);
            if (called)
                using (parametrize.cached())
                    layer.call(randn(2, 4));
            return new(layer);
        }

        var layers = Enumerable.Range(0, 10).Select(_ => Dropped(called)).ToArray();
        Resident();
        Assert.InRange(layers.Count(layer => layer.IsAlive), 0, 1);
    }

    /// <summary>Tensors that were created and neither disposed nor taken out of their scope, on this thread.</summary>
    private static long Balance(Action action)
    {
        action();
        var before = Live();
        for (var time = 0; time < 10; time++)
            action();
        return Live() - before;
    }

    private static long Live() => DisposeScopeManager.Statistics.TensorStatistics.ThreadTotalLiveCount;

    public static TheoryData<string> Actions =>
        [
            "call",
            "read",
            "assign",
            "refuse",
            "cached",
            "cached model",
            "move base",
            "backward",
            "state",
            "register",
            "register many",
            "copy",
        ];

    [Theory]
    [MemberData(nameof(Actions))]
    public void Each_action_disposes_what_it_creates(string name)
    {
        var layer = nn.Linear(8, 8).orthogonal();
        var plain = nn.Linear(8, 8);
        var spectral = nn.Linear(8, 8).spectral_norm();
        var many = nn.Sequential(nn.Linear(8, 8), nn.Linear(8, 8));
        using var x = randn(2, 8);
        using var q = Parametrizations.Orthogonal().Sample([8, 8]);
        Action action = name switch
        {
            "call" => () =>
            {
                layer.call(x).Dispose();
                spectral.call(x).Dispose();
            },
            "read" => () => layer.parametrization("weight").Value.Dispose(),
            "assign" => () => layer.parametrization("weight").Value = q,
            "refuse" => () => layer.parametrization("weight").TryAssign(x),
            "cached" => () =>
            {
                using var _ = parametrize.cached();
                layer.call(x).Dispose();
                layer.call(x).Dispose();
            },
            "cached model" => () => parametrize.cached(layer).Dispose(),
            "move base" => () => layer.parametrization("weight").MoveBase(),
            "backward" => () =>
            {
                using var _ = NewDisposeScope();
                layer.call(x).sum().backward();
                layer.zero_grad();
            },
            "state" => () => layer.state_dict(),
            "register" => () =>
            {
                plain.orthogonal().register_parametrization("weight", new Doubling().Value);
                plain.remove_parametrizations("weight");
            },
            "register many" => () =>
            {
                many.register_parametrizations<Linear>("weight", Parametrizations.Skew);
                many.remove_parametrizations("0.weight").remove_parametrizations("1.weight");
            },
            "copy" => () =>
            {
                parametrize.copy_parametrizations(layer, plain);
                parametrize.copy_parametrizations(layer, plain);
                plain.remove_parametrizations("weight");
            },
            _ => throw new ArgumentOutOfRangeException(nameof(name), name, null),
        };

        Assert.Equal(0, Balance(action));
    }
}

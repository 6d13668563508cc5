using System.Diagnostics;
using Parametrize.CSharp;
using Properties.CSharp.Support;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp.PyTorch;

/// <summary>What is disposed with a module, what outlives it, and what a long life leaves behind.</summary>
public class DisposalFreesParts
{
    [Fact]
    public void Disposing_a_parametrized_tensor_frees_its_parts()
    {
        var tensor = new ParametrizedTensor(Parametrizations.Orthogonal(), randn(4, 4));
        Tensor[] parts = [.. tensor.parameters(), .. tensor.buffers()];
        tensor.Dispose();
        Assert.Equal(2, parts.Length);
        Assert.All(parts, part => Assert.True(part.IsInvalid));
    }

    [Fact]
    public void Disposing_a_module_of_ones_own_frees_the_parts_of_what_it_holds()
    {
        var holder = new Holder(Parametrizations.Orthogonal(), randn(4, 4));
        Tensor[] parts = [.. holder.kernel.parameters(), .. holder.kernel.buffers()];
        holder.Dispose();
        Assert.All(parts, part => Assert.True(part.IsInvalid));
    }

    public static TheoryData<string> Modules =>
        [
            "Linear",
            "Linear without bias",
            "weight and bias",
            "weight+bias",
            "bias",
            "Conv2d",
            "Bilinear",
            "LayerNorm",
            "BatchNorm1d",
            "GRU",
            "own",
            "Sequential",
        ];

    private static nn.Module Module(string kind) =>
        kind switch
        {
            "Linear" => nn.Linear(4, 4).orthogonal(),
            "Linear without bias" => nn.Linear(4, 4, hasBias: false).orthogonal(),
            "weight and bias" => nn.Linear(4, 4)
                .orthogonal()
                .register_parametrization("bias", Parametrizations.Positive),
            "weight+bias" => nn.Linear(4, 4).register_parametrization("weight+bias", Parametrizations.Positive),
            "bias" => nn.Linear(4, 4).register_parametrization("bias", Parametrizations.Positive),
            "Conv2d" => nn.Conv2d(4, 4, 2).orthogonal(),
            "Bilinear" => nn.Bilinear(4, 4, 2).weight_norm(),
            "BatchNorm1d" => nn.BatchNorm1d(4)
                .register_parametrization("running_mean", Parametrizations.Bounded(-1, 1)),
            "LayerNorm" => nn.LayerNorm([4]).spectral_norm(),
            "GRU" => nn.GRU(4, 4).orthogonal("weight_hh_l0"),
            "own" => new Fragile().orthogonal(),
            _ => nn.Sequential(nn.Linear(4, 4).orthogonal()),
        };

    /// <summary>Linear, convolutions and others of TorchSharp dispose what is in their fields, and no children.</summary>
    [Theory]
    [MemberData(nameof(Modules))]
    public void Disposing_a_module_frees_the_parts(string kind)
    {
        var module = Module(kind);
        var tensors = module.parametrizations().ToList().ConvertAll(entry => entry.tensor);
        Tensor[] parts = [.. tensors.SelectMany(tensor => tensor.parameters().Concat(tensor.buffers()))];
        module.Dispose();
        Assert.All(parts, part => Assert.True(part.IsInvalid));
        Assert.All(tensors, tensor => Assert.ThrowsAny<Exception>(() => tensor.Value));

        // Again does no harm.
        tensors.ForEach(tensor => tensor.Dispose());
        module.Dispose();
    }

    [Theory]
    [MemberData(nameof(Modules))]
    public void A_scope_that_outlives_its_module_does_no_harm(string kind)
    {
        var other = nn.Linear(4, 4).orthogonal();
        using (parametrize.cached())
        {
            var module = Module(kind);
            foreach (var (_, tensor) in module.parametrizations())
                tensor.Value.Dispose();
            module.Dispose();
            other.call(ones(1, 4));
        }
        other.call(ones(1, 4));
        Near.Placeholder(other.weight);
    }

    [Theory]
    [InlineData("weight")]
    [InlineData("bias")]
    public void Disposing_the_placeholder_does_no_harm(string name)
    {
        var layer = nn.Linear(4, 4).register_parametrization(name, Parametrizations.Positive);
        var expected = layer.call(eye(4)).detach();
        (name == "weight" ? layer.weight : layer.bias)!.Dispose();
        Near.Same(expected, layer.call(eye(4)));
        Assert.Equal(2, layer.parameters().Count());
        layer.to(ScalarType.Float64);
        Near.Same(expected, layer.call(eye(4, dtype: ScalarType.Float64)).to(ScalarType.Float32));
    }

    [Fact]
    public void A_hook_that_outlives_its_module_does_no_harm()
    {
        var layer = new Fragile().orthogonal();
        var calls = 0;
        var hook = layer.register_forward_pre_hook(_ => calls++);
        layer.call(eye(4));
        layer.Dispose();
        // The binding's own hooks see that the tensor is gone: an exception, and no access to freed memory.
        for (var time = 0; time < 3; time++)
            Assert.ThrowsAny<Exception>(() => layer.call(eye(4)));
        hook.remove();
        Assert.InRange(calls, 1, 4);
    }

    private static (double Managed, double Resident) Megabytes()
    {
        for (var time = 0; time < 2; time++)
        {
            GC.Collect(2, GCCollectionMode.Aggressive, blocking: true, compacting: true);
            GC.WaitForPendingFinalizers();
        }
        using var process = Process.GetCurrentProcess();
        return (GC.GetTotalMemory(true) / 1048576.0, process.WorkingSet64 / 1048576.0);
    }

    [Theory]
    [InlineData("weight")]
    [InlineData("weight+bias")]
    public void What_was_new_leaves_no_memory_though_an_optimizer_may_have_it(string name)
    {
        var layer = nn.Linear(100, 100);
        var sum = new Scripted("sum")
        {
            InputCount = 2,
            Map = inputs => inputs[0] + inputs[1],
            Inverse = value => [value / 2, value / 2],
        };
        void Cycle(int count)
        {
            for (var time = 0; time < count; time++)
                layer.register_parametrization(name, sum.Value).remove_parametrizations(name);
        }

        Cycle(500);
        var before = Megabytes().Resident;
        Cycle(5_000); // 200 MB of them
        // Half of them: how much libc keeps for itself depends on what else runs.
        Assert.InRange(Megabytes().Resident - before, double.NegativeInfinity, 100);
    }

    [Fact]
    public void Fifteen_thousand_cycles_of_registering_and_removing_leave_nothing()
    {
        var layer = nn.Linear(32, 32);
        var own = layer.weight;
        void Cycle(int count)
        {
            for (var time = 0; time < count; time++)
                layer.register_parametrization("weight", Parametrizations.Skew).remove_parametrizations("weight");
        }

        Cycle(1_000);
        var live = DisposeScopeManager.Statistics.TensorStatistics.ThreadTotalLiveCount;
        var before = Megabytes();
        Cycle(15_000);
        var after = Megabytes();
        Assert.Equal(live, DisposeScopeManager.Statistics.TensorStatistics.ThreadTotalLiveCount);
        Assert.InRange(after.Managed - before.Managed, double.NegativeInfinity, 1);
        // A tensor for each cycle would be more than 60 MB. TorchSharp (0.107) never frees a pointer and what it keeps
        // alive of each module (`modShared` in THSNN_custom_module): 72 bytes, of three modules in a cycle: 3 MB, and
        // as much free memory between them.
        Assert.InRange(after.Resident - before.Resident, double.NegativeInfinity, 30);
        Assert.Same(own, layer.weight);
        Assert.Equal(0, Snapshot.HooksOf(layer));
        Assert.Equal(["weight", "bias"], layer.state_dict().Keys);
    }
}

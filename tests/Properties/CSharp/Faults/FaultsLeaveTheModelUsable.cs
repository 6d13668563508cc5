using System.Runtime.InteropServices;
using Parametrize.CSharp;
using Properties.CSharp.PyTorch;
using Properties.CSharp.Support;
using TorchSharp;
using TorchSharp.Modules;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp.Faults;

/// <summary>Exceptions and lack of memory in every function of a node; in threads, hooks and cancelled tasks.</summary>
public class FaultsLeaveTheModelUsable
{
    private static readonly Dictionary<string, Action<Linear, FaultyNode>> Operations = new()
    {
        ["project"] = (layer, node) => layer.register_parametrization("weight", node.Value),
        ["sample"] = (layer, node) => layer.register_parametrization("weight", node.Value, WhenNotAllowed.Sample),
        ["append"] = (layer, node) => layer.register_parametrization("bias", node.Value),
        ["call"] = (layer, _) => layer.call(ones(1, 4)),
        ["read"] = (layer, _) => layer.parametrization("weight").Value.Dispose(),
        ["assign"] = (layer, _) => layer.parametrization("weight").Value = full(4, 4, 0.5f),
        ["try"] = (layer, _) => layer.parametrization("weight").TryAssign(full(4, 4, 0.5f)),
        ["property"] = (layer, _) =>
        {
            layer.weight = nn.Parameter(full(4, 4, 0.5f));
            layer.call(ones(1, 4));
        },
        ["cached"] = (layer, _) => parametrize.cached(layer).Dispose(),
        ["rebase"] = (layer, _) => layer.parametrization("weight").MoveBase(),
        ["load"] = (layer, _) => layer.load_parametrized_state_dict(nn.Linear(4, 4).state_dict()),
        ["remove"] = (layer, _) => layer.remove_parametrizations("weight"),
    };

    public static TheoryData<string, string, bool> Faults
    {
        get
        {
            var faults = new TheoryData<string, string, bool>();
            foreach (var function in FaultyNode.Functions)
            foreach (var operation in Operations.Keys)
            foreach (var memory in new[] { false, true })
                faults.Add(function, operation, memory);
            return faults;
        }
    }

    /// <summary>A layer outside the node's space, so that it has to be approximated.</summary>
    private static Linear Layer()
    {
        var layer = nn.Linear(4, 4);
        using var _ = no_grad();
        layer.weight.mul_(10);
        layer.bias!.mul_(10);
        return layer;
    }

    private static void Fail(bool memory)
    {
        if (memory)
            torch.empty(1L << 50);
        throw new ApplicationException();
    }

    [Theory]
    [MemberData(nameof(Faults))]
    public void In_each_function_of_a_node(string function, string operation, bool memory)
    {
        var (layer, node) = (Layer(), new FaultyNode());
        if (operation is "append")
            layer.register_parametrization("bias", ScriptedNodes.Double);
        else if (operation is not ("project" or "sample"))
            layer.register_parametrization("weight", node.Value);
        var before = Snapshot.Of(layer);

        node.Fault = name =>
        {
            if (name == function)
                Fail(memory);
        };
        var error = Record.Exception(() => Operations[operation](layer, node));
        node.Fault = _ => { };
        if (error is not null)
        {
            FaultyNode.AssertIsNamed(error, memory);
            // The assignment is whole by then, and it is the call after it that fails.
            if (operation is "property" && function is nameof(FaultyNode.Advance))
                Near.Same(full(4, 4, 0.5f), layer.Read());
            else
                before.AssertUnchanged();
        }

        if (error is not null)
            Operations[operation](layer, node);
        layer.call(ones(1, 4)).sum().backward();
        foreach (var (name, _) in layer.parametrizations().ToArray())
            layer.remove_parametrizations(name);
        Assert.Equal(0, Snapshot.HooksOf(layer));
        Assert.Equal(["weight", "bias"], layer.state_dict().Keys.OrderDescending());
        layer.call(ones(1, 4));
    }

    [Fact]
    public void In_one_thread_of_several()
    {
        var layer = nn.Linear(4, 4);
        var bad = new AsyncLocal<bool>();
        var node = new Scripted("threads")
        {
            Map = inputs => bad.Value ? throw new ApplicationException() : inputs[0] * 2,
            Inverse = value => [value / 2],
        };
        layer.register_parametrization("weight", node.Value);
        using var x = randn(8, 4);
        using var expected = layer.call(x).detach();
        for (var round = 0; round < 10; round++)
            using (parametrize.cached())
            {
                var results = new object[6];
                var threads = Enumerable
                    .Range(0, results.Length)
                    .Select(index => new Thread(() =>
                    {
                        bad.Value = index == 0;
                        results[index] = Record.Exception(() => results[index] = layer.call(x)) ?? results[index];
                    }))
                    .ToArray();
                Array.ForEach(threads, thread => thread.Start());
                Array.ForEach(threads, thread => thread.Join());

                Assert.True(results[0] is ApplicationException or Tensor, results[0].ToString());
                Assert.All(results[1..], result => Near.Same(expected, Assert.IsAssignableFrom<Tensor>(result)));
                Near.Same(expected, layer.call(x));
            }
        Near.Placeholder(layer.weight);
        Near.Same(expected, layer.call(x));
    }

    [Fact]
    public async Task In_a_scope_whose_task_is_cancelled()
    {
        var layer = nn.Linear(4, 4).orthogonal();
        using var expected = layer.call(eye(4));
        using var source = new CancellationTokenSource();
        var started = new TaskCompletionSource();
        async Task Work()
        {
            using var scope = parametrize.cached(layer);
            layer.call(eye(4));
            started.SetResult();
            await Task.Delay(Timeout.Infinite, source.Token);
        }

        var work = Work();
        await started.Task;
        await source.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => work);
        Near.Placeholder(layer.weight);
        layer.parametrization("weight").Value = eye(4);
        Near.Different(expected, layer.call(eye(4)));
        layer.remove_parametrizations("weight");
        Near.Identical(eye(4), layer.weight);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void In_a_hook_of_a_native_module(bool cached)
    {
        var gru = nn.GRU(4, 4).register_parametrization("weight_hh_l0", ScriptedNodes.Double);
        using var x = randn(3, 2, 4);
        using var expected = gru.call(x).Item1;
        var hook = gru.register_forward_pre_hook(_ => throw new ApplicationException());
        using (cached ? parametrize.cached(gru) : null)
        {
            Assert.Throws<ApplicationException>(() => gru.call(x));
            hook.remove();
            Near.Same(expected, gru.call(x).Item1);
        }
        Near.Same(expected, gru.call(x).Item1);
    }
}

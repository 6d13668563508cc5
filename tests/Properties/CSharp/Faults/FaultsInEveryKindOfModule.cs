using System.Runtime.InteropServices;
using Parametrize.CSharp;
using Parametrize.CSharp.Binding;
using Parametrize.CSharp.Torch;
using Properties.CSharp.Support;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp.Faults;

/// <summary>
/// Faults in a node, a hook, a pass, a thread or a task, for each kind of module: with joint or shared tensors and with tensors
/// in native memory, in and out of cached scopes.
/// </summary>
public class FaultsInEveryKindOfModule
{
    private static readonly Dictionary<string, Action<FaultSubject, FaultyNode>> Operations = new()
    {
        ["call"] = (subject, _) => subject.Output(),
        ["read"] = (subject, _) => subject.Tensor.Value.Dispose(),
        ["assign"] = (subject, _) => subject.Tensor.Value = Half(subject),
        ["try"] = (subject, _) => subject.Tensor.TryAssign(Half(subject)),
        ["append"] = (subject, node) => subject.Module.register_parametrization(subject.Name, node.Value),
        ["cached"] = (subject, _) => parametrize.cached(subject.Module).Dispose(),
        ["load"] = (subject, _) => subject.Module.load_parametrized_state_dict(subject.Module.baked_state_dict()),
    };

    public static TheoryData<string, string, bool> Faults => Combined(Operations.Keys);

    public static TheoryData<string, string, bool> Hooked =>
        Combined(["before entering", "after entering", "before leaving", "after leaving", "in the pass"]);

    public static TheoryData<string, bool> Kinds
    {
        get
        {
            var kinds = new TheoryData<string, bool>();
            foreach (var kind in FaultSubject.Kinds)
            foreach (var cached in new[] { false, true })
                kinds.Add(kind, cached);
            return kinds;
        }
    }

    private static TheoryData<string, string, bool> Combined(IEnumerable<string> seconds)
    {
        var data = new TheoryData<string, string, bool>();
        foreach (var kind in FaultSubject.Kinds)
        foreach (var second in seconds)
        foreach (var cached in new[] { false, true })
            data.Add(kind, second, cached);
        return data;
    }

    private static Tensor Half(FaultSubject subject) => subject.Tensor.Value.detach() / 2;

    /// <summary>The module can be as it was before anything was registered.</summary>
    private static void AssertEnds(FaultSubject subject)
    {
        using var expected = subject.Output().detach();
        subject.Remove();
        Near.Same(expected, subject.Output());
        Assert.Equal(0, Snapshot.HooksOf(subject.Module));
        Assert.DoesNotContain(subject.Module.state_dict().Keys, key => key.Contains("parametrizations"));
    }

    private static void AssertFails(Action work, FaultSubject subject, FaultyNode node, string function, bool memory)
    {
        var before = Snapshot.Of(subject.Module);
        node.Fault = name =>
        {
            if (name == function && memory)
                zeros(1L << 58);
            if (name == function)
                throw new ApplicationException();
        };
        var error = Record.Exception(work);
        node.Fault = _ => { };
        FaultyNode.AssertIsNamed(error, memory);
        before.AssertUnchanged();
    }

    [Theory]
    [MemberData(nameof(Faults))]
    public void In_each_function_of_a_node(string kind, string operation, bool cached)
    {
        var entered = new HashSet<string>();
        var counted = new FaultyNode();
        var whole = FaultSubject.Of(kind, counted.Value);
        using (cached ? parametrize.cached() : null)
        {
            counted.Fault = name => entered.Add(name);
            Operations[operation](whole, counted);
        }
        Assert.NotEmpty(entered);

        foreach (var function in entered)
        foreach (var memory in function == nameof(FaultyNode.Forward) ? [false, true] : new[] { false })
        {
            var node = new FaultyNode();
            var subject = FaultSubject.Of(kind, node.Value);
            using (cached ? parametrize.cached() : null)
            {
                AssertFails(() => Operations[operation](subject, node), subject, node, function, memory);
                Operations[operation](subject, node);
                subject.Trained();
            }
            AssertEnds(subject);
        }
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void In_a_node_while_removing(string kind, bool cached)
    {
        var node = new FaultyNode();
        var subject = FaultSubject.Of(kind, node.Value);
        using (cached ? parametrize.cached() : null)
            AssertFails(subject.Remove, subject, node, nameof(FaultyNode.Forward), memory: false);
        AssertEnds(subject);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void In_a_node_while_registering(string kind, bool cached)
    {
        foreach (
            var function in new[]
            {
                nameof(FaultyNode.Forward),
                nameof(FaultyNode.Contains),
                nameof(Parametrize.Want.Exact),
            }
        )
        {
            var node = new FaultyNode();
            var subject = FaultSubject.Plain(kind);
            using (cached ? parametrize.cached() : null)
            {
                AssertFails(() => subject.Register(node.Value), subject, node, function, memory: false);
                subject.Register(node.Value).Trained();
            }
            AssertEnds(subject);
        }
    }

    [Theory]
    [MemberData(nameof(Hooked))]
    public void In_a_hook_or_a_pass(string kind, string place, bool cached)
    {
        var subject = FaultSubject.Plain(kind);
        var isBad = false;
        void Fail(nn.Module module)
        {
            if (isBad)
                throw new ApplicationException();
        }
        void Nothing(nn.Module module) { }
        void Hook(string when)
        {
            if (place.StartsWith(when))
                Hooks.Around(
                    subject.Hooked,
                    place.EndsWith("entering") ? Fail : Nothing,
                    place.EndsWith("leaving") ? Fail : Nothing
                );
        }

        Hook("before");
        subject.Register(new FaultyNode().Value);
        Hook("after");
        using var expected = subject.Trained();
        var before = Snapshot.Of(subject.Module);
        using (cached ? parametrize.cached() : null)
        {
            for (var time = 0; time < 2; time++)
            {
                isBad = true;
                var error = Record.Exception(() => subject.Call(place == "in the pass" ? 7 : 4));
                isBad = false;
                Assert.True(place == "in the pass" ? error is ExternalException : error is ApplicationException);
            }
            before.AssertUnchanged();
            Near.Same(expected, subject.Trained());
        }
        Near.Same(expected, subject.Trained());
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void In_one_thread_of_several(string kind, bool early)
    {
        var (node, bad) = (new FaultyNode(), new ThreadLocal<bool>());
        var subject = FaultSubject.Of(kind, node.Value);
        using var expected = subject.Output().detach();
        node.Fault = _ =>
        {
            if (bad.Value)
                throw new ApplicationException();
        };
        using (early ? parametrize.cached(subject.Module) : parametrize.cached())
        {
            var results = new object?[6];
            var threads = Enumerable
                .Range(0, results.Length)
                .Select(index => new Thread(() =>
                {
                    bad.Value = index % 3 == 0;
                    using var _ = no_grad();
                    var width = index % 3 == 1 ? 7 : 4;
                    results[index] = Record.Exception(() => results[index] = subject.Call(width)) ?? results[index];
                }))
                .ToArray();
            Array.ForEach(threads, thread => thread.Start());
            Array.ForEach(threads, thread => thread.Join());

            for (var index = 0; index < results.Length; index++)
                if (index % 3 == 1)
                    Assert.IsType<ExternalException>(results[index], exactMatch: false);
                else if (index % 3 == 2 || results[index] is not ApplicationException)
                    Near.Same(expected, Assert.IsType<Tensor>(results[index], exactMatch: false));
            Near.Same(expected, subject.Output());
        }
        AssertEnds(subject);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task In_a_task_that_is_cancelled(string kind, bool whole)
    {
        var subject = FaultSubject.Of(kind, new FaultyNode().Value);
        using var expected = subject.Trained();
        var before = Snapshot.Of(subject.Module);
        using var source = new CancellationTokenSource();
        async Task<Tensor> Work(CancellationToken token)
        {
            using var scope = whole ? parametrize.cached() : parametrize.cached(subject.Module);
            await Task.Yield();
            subject.Output();
            using var inner = parametrize.cached();
            await Task.Delay(token.CanBeCanceled ? Timeout.Infinite : 1, token);
            return subject.Output();
        }

        var (cancelled, other) = (Work(source.Token), Work(default));
        await source.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => cancelled);
        Near.Same(await other, subject.Output());
        before.AssertUnchanged();
        Near.Same(expected, subject.Trained());
        AssertEnds(subject);
    }
}

using System.Diagnostics;
using Parametrize;
using Parametrize.CSharp;
using Properties.CSharp.Shared;
using Properties.CSharp.Support;
using TorchSharp.Modules;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp.Threads;

/// <summary>Who waits for whom, who does not, and that nobody waits for ever.</summary>
public class WritingWaitsForPasses
{
    private static readonly TimeSpan Soon = TimeSpan.FromMilliseconds(60);
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(20);

    public static TheoryData<string> Writes => ["assign", "load", "mode", "base", "again", "remove", "dispose"];

    [Theory]
    [MemberData(nameof(Writes))]
    public async Task Writing_waits_until_the_passes_of_others_have_ended(string write)
    {
        var module = new Stopping().register_parametrization("weight", Parametrizations.Symmetric);
        var tensor = module.parametrization("weight");
        var state = module.state_dict().ToDictionary(pair => pair.Key, pair => pair.Value.clone());
        using var before = tensor.Value;
        using var scope = parametrize.cached();
        var pass = module.StopInPass();

        var writing = Task.Run(() =>
        {
            Action action = write switch
            {
                "assign" => () => tensor.Value = eye(4),
                "load" => () => module.load_parametrized_state_dict(state),
                "mode" => () => module.eval(),
                "base" => tensor.MoveBase,
                "again" => () => module.register_parametrization("weight", new Doubling().Value),
                "remove" => () => module.remove_parametrizations("weight"),
                _ => module.Dispose,
            };
            action();
        });
        await Task.Delay(Soon);
        Assert.False(writing.IsCompleted);
        module.GoOn();
        Near.Same(before, await pass.WaitAsync(Limit));
        await writing.WaitAsync(Limit);
    }

    /// <summary>Another thread waits for a write however long it takes, also when that has caught an exception.</summary>
    [Fact]
    public async Task Writes_that_catch_exceptions_go_on_to_their_end()
    {
        var (running, most) = (0, 0);
        var layer = nn.Linear(4, 4).register_parametrization("weight", Parametrizations.Of(new Slow(Wait)));
        var tensor = layer.parametrization("weight");
        (running, most) = (0, 0);
        // Threads of their own: the pool may start the second one when the first has ended.
        Task[] writes = [Alone(() => tensor.Value = eye(4)), Alone(() => tensor.Value = 2 * eye(4))];
        await Task.WhenAll(writes).WaitAsync(Limit);
        Assert.Equal(1, most);

        static Task Alone(Action write) => Task.Factory.StartNew(write, TaskCreationOptions.LongRunning);

        void Wait()
        {
            most = Math.Max(most, Interlocked.Increment(ref running));
            try
            {
                throw new InvalidOperationException("caught at once");
            }
            catch (InvalidOperationException)
            {
                Thread.Sleep(300);
            }
            Interlocked.Decrement(ref running);
        }
    }

    private sealed class Slow(Action wait) : CustomNode("slow", Parametrize.CSharp.Spaces.All)
    {
        protected override Tensor Forward(Tensor input) => input * 1;

        protected override Tensor RightInverse(Tensor value)
        {
            wait();
            return value;
        }
    }

    /// <summary>An adapter cannot be taken off a weight that another thread reads while that thread waits for this one.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Adapters_are_merged_or_taken_off_all_or_none(bool isMerge)
    {
        var outer = new Stopping().register_parametrization("weight", Parametrizations.Symmetric);
        var inner = new Stopping();
        var model = nn.Sequential(("first", nn.Linear(4, 4)), ("second", inner));
        foreach (var name in (string[])["first.weight", "second.weight"])
            model.register_parametrization(name, Parametrizations.Lora(2, 4));
        using var isInside = new SemaphoreSlim(0);
        using var mayGoOn = new SemaphoreSlim(0);
        inner.Pause = () =>
        {
            isInside.Release();
            mayGoOn.Wait();
            outer.parametrization("weight").Value.Dispose();
        };
        Task? pass = null;
        outer.Pause = () =>
        {
            // Before, its scope would hold the tensor of the outer module as well, and share it.
            pass = Task.Run(() =>
            {
                using var scope = parametrize.cached();
                return inner.call(eye(4));
            });
            isInside.Wait();
            mayGoOn.Release();
            Thread.Sleep(Soon);
            Assert.Throws<InvalidOperationException>(() =>
            {
                if (isMerge)
                    peft.merge_adapter(model).Dispose();
                else
                    peft.unload(model);
            });
        };
        outer.call(eye(4)).Dispose();
        await pass!.WaitAsync(Limit);
        Assert.True(model.is_parametrized("first.weight"));
        Assert.True(model.is_parametrized("second.weight"));
    }

    [Fact]
    public async Task Calls_outside_a_scope_follow_one_another()
    {
        var module = new Stopping().register_parametrization("weight", Parametrizations.Symmetric);
        using var value = module.parametrization("weight").Value;
        var first = module.StopInPass();
        var second = Task.Run(() => module.call(eye(4)));
        await Task.Delay(Soon);
        Assert.False(second.IsCompleted);
        module.GoOn();
        Near.Same(value, await first.WaitAsync(Limit));
        Near.Same(value, await second.WaitAsync(Limit));
        Assert.Equal(16, Assert.Single(module.parametrization("weight").parameters()).numel());
    }

    [Fact]
    public async Task Ending_a_scope_leaves_the_passes_of_others_what_they_have()
    {
        var module = new Stopping().register_parametrization("weight", Parametrizations.Symmetric);
        using var value = module.parametrization("weight").Value;
        var scope = parametrize.cached();
        var pass = module.StopInPass();
        scope.Dispose();
        module.GoOn();
        Near.Same(value, await pass.WaitAsync(Limit));
        Assert.True(module.weight.IsInvalid); // The last who needed it has taken it along.
        Near.Same(value, module.call(eye(4)));
    }

    [Fact]
    public void What_a_pass_has_written_itself_stays_while_others_call()
    {
        var module = new Stopping().register_parametrization("weight", Parametrizations.Symmetric);
        var tensor = module.parametrization("weight");
        var isFirst = true;
        module.Pause = () =>
        {
            if (!isFirst)
                return;
            isFirst = false;
            tensor.Value = eye(4);
            var read = module.weight;
            Near.Same(eye(4), Task.Run(() => module.call(eye(4))).WaitAsync(Limit).GetAwaiter().GetResult());
            Assert.False(read.IsInvalid);
            Near.Same(eye(4), read);
        };
        using var scope = parametrize.cached();
        Near.Same(eye(4), module.call(eye(4)));
    }

    [Fact]
    public async Task A_scope_for_a_model_that_ends_in_a_pass_does_not_leave_it_open()
    {
        var module = new Stopping();
        var model = nn.Sequential(module);
        module.register_parametrization("weight", Parametrizations.Symmetric);
        var tensor = module.parametrization("weight");
        var scope = parametrize.cached(model);
        var pass = module.StopInPass(model);
        scope.Dispose();
        module.GoOn();
        await pass.WaitAsync(Limit);
        foreach (var factor in new[] { 1, 2 })
        {
            await Task.Run(() => tensor.Value = factor * eye(4)).WaitAsync(Limit);
            Near.Same(factor * eye(4), await Task.Run(() => model.call(eye(4))).WaitAsync(Limit));
        }
        module.remove_parametrizations("weight");
        Assert.Equal(0, Snapshot.HooksOf(model));
    }

    [Fact]
    public async Task A_scope_that_ends_takes_nothing_from_another()
    {
        var node = new Doubling();
        var module = new Stopping().register_parametrization("weight", node.Value);
        using var isOpen = new SemaphoreSlim(0);
        using var mayEnd = new SemaphoreSlim(0);
        node.Evaluations = 0;
        var other = Task.Run(() =>
        {
            using var scope = parametrize.cached();
            using var first = module.call(eye(4));
            isOpen.Release();
            mayEnd.Wait();
            return module.call(eye(4));
        });
        await isOpen.WaitAsync();
        using (parametrize.cached())
            module.call(eye(4)).Dispose();
        mayEnd.Release();
        await other.WaitAsync(Limit);
        Assert.Equal(1, node.Evaluations);
        Assert.True(module.weight.IsInvalid);
    }

    [Fact]
    public async Task Disposing_waits_for_passes()
    {
        var module = new Stopping().register_parametrization("weight", Parametrizations.Symmetric);
        var tensor = module.parametrization("weight");
        using var isInside = new ManualResetEventSlim();
        using var mayEnd = new ManualResetEventSlim();
        module.Pause = () =>
        {
            isInside.Set();
            Assert.True(mayEnd.Wait(Limit));
        };
        var pass = Task.Run(() => module.call(eye(4)));
        Assert.True(isInside.Wait(Limit));
        var disposing = Task.Run(tensor.Dispose);
        Assert.NotSame(disposing, await Task.WhenAny(disposing, Task.Delay(200)));
        mayEnd.Set();
        using var output = await pass.WaitAsync(Limit);
        await disposing.WaitAsync(Limit);
        Assert.Throws<ObjectDisposedException>(() => tensor.Value);
    }

    [Fact]
    public async Task Two_passes_that_wait_for_each_other_are_told_so()
    {
        var module = new Stopping().register_parametrization("weight", Parametrizations.Symmetric);
        var tensor = module.parametrization("weight");
        using var both = new Barrier(2);
        module.Pause = () =>
        {
            both.SignalAndWait();
            tensor.Value = eye(4);
            throw new ApplicationException();
        };
        using (parametrize.cached())
        {
            var passes = Enumerable
                .Range(0, 2)
                .Select(_ => Task.Run(() => Record.Exception(() => module.call(eye(4)))))
                .ToList();
            var errors = await Task.WhenAll(passes).WaitAsync(Limit);
            Assert.Single(errors.OfType<ApplicationException>());
            var refused = Assert.Single(errors.OfType<InvalidOperationException>());
            Assert.Contains(
                "Stopping.weight is in use by another thread, and that thread waits for a tensor that this thread holds",
                refused.Message
            );
        }
        module.Pause = null;
        Near.Same(eye(4), module.call(eye(4)));
    }

    [Fact]
    public async Task Tied_modules_in_another_order_do_not_wait_for_each_other()
    {
        var (left, right) = (nn.Bilinear(4, 4, 4), nn.Bilinear(4, 4, 4));
        left.register_parametrization("weight", new Doubling().Value);
        left.register_parametrization("bias", new Doubling().Value);
        right.share_parametrization("bias", left.parametrization("bias"));
        right.share_parametrization("weight", left.parametrization("weight"));
        var expected = left.call(eye(4), eye(4)).detach();
        Task Calls(Bilinear module) =>
            Task.Run(() =>
            {
                for (var time = 0; time < 1000; time++)
                {
                    using var output = module.call(eye(4), eye(4));
                    Near.Same(expected, output);
                }
            });
        await Task.WhenAll(Calls(left), Calls(right)).WaitAsync(Limit);
    }

    [Fact]
    public async Task A_pass_that_may_have_thrown_closes_no_circle_of_those_that_wait()
    {
        var (first, second) = (new Stopping(), new Stopping());
        foreach (var module in new[] { first, second })
            module.register_parametrization("weight", Parametrizations.Symmetric);
        using var isInside = new Barrier(2);
        using var scope = parametrize.cached();
        void Assign(Stopping other, int milliseconds)
        {
            isInside.SignalAndWait();
            Thread.Sleep(milliseconds);
            other.parametrization("weight").Value = eye(4);
        }
        first.Pause = () =>
        {
            Assert.Throws<ApplicationException>(void () => throw new ApplicationException());
            Assign(second, 0);
            throw new ApplicationException(); // Its weight has been taken from it meanwhile.
        };
        second.Pause = () => Assign(first, 30); // By then that pass waits for this one.
        var passes = new[] { first, second }.Select(module =>
            Task.Run(() => Record.Exception(() => module.call(eye(4))))
        );
        var errors = await Task.WhenAll(passes).WaitAsync(Limit);
        Assert.IsType<ApplicationException>(errors[0]);
        Assert.Null(errors[1]);
        (first.Pause, second.Pause) = (null, null);
        Near.Same(eye(4), first.call(eye(4)));
        Near.Same(eye(4), second.call(eye(4)));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_pass_that_threw_holds_nobody_up_for_long(bool isScoped)
    {
        var module = new Fragile { Fails = true }.register_parametrization("weight", Parametrizations.Symmetric);
        var tensor = module.parametrization("weight");
        using var scope = isScoped ? parametrize.cached() : null;
        using var hasThrown = new SemaphoreSlim(0);
        using var mayEnd = new SemaphoreSlim(0);
        var thread = new Thread(() =>
        {
            Assert.Throws<ApplicationException>(() => module.call(eye(4)));
            hasThrown.Release();
            mayEnd.Wait(); // As a thread of a pool goes on.
        });
        thread.Start();
        hasThrown.Wait();
        module.Fails = false;
        var clock = Stopwatch.StartNew();
        var others = Task.Run(() =>
        {
            tensor.Value = eye(4);
            return module.call(eye(4));
        });
        Near.Same(eye(4), await others.WaitAsync(Limit));
        // A tenth of a second, on a machine that has nothing else to do.
        Assert.InRange(clock.ElapsedMilliseconds, 0, 8_000);
        mayEnd.Release();
        thread.Join();
    }

    [Theory]
    [InlineData("Linear")]
    [InlineData("Embedding")]
    public void What_is_written_while_the_value_is_computed_is_not_missed(string kind)
    {
        var node = new Writing();
        var tied = Tied.Of(node.Value, kind);
        var original = tied.Tensor.parameters().Single();
        using var scope = parametrize.cached();
        node.Original = original;
        for (var time = 0; time < 3; time++)
        {
            using (no_grad())
                original.add_(1);
            tied.Tensor.Value.Dispose(); // The node writes to the original while it computes.
            Near.Same(original * 2, tied.Tensor.Value);
        }
    }

    /// <summary>Each pass that throws begins before the last one is taken for ended.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_thread_whose_passes_throw_keeps_nobody_out(bool isCached)
    {
        var model = nn.Sequential(("a", nn.Linear(4, 4)), ("act", nn.Tanh()));
        model.register_parametrization("a.weight", Parametrizations.Orthogonal());
        using var scope = isCached ? parametrize.cached() : null;
        var (passes, writes, stopped) = (0, 0, 0);
        Task Repeat(Action action, int pause) =>
            Task.Factory.StartNew(
                () =>
                {
                    while (Volatile.Read(ref stopped) == 0)
                    {
                        action();
                        Thread.Sleep(pause);
                    }
                },
                TaskCreationOptions.LongRunning
            );
        var tasks = new[]
        {
            Repeat(() => Assert.ThrowsAny<Exception>(() => model.call(ones(2, 7))), 20),
            Repeat(
                () =>
                {
                    using var _ = no_grad();
                    model.call(ones(2, 4)).Dispose();
                    Interlocked.Increment(ref passes);
                },
                1
            ),
            Repeat(
                () =>
                {
                    model.parametrization("a.weight").Value = eye(4);
                    Interlocked.Increment(ref writes);
                },
                1
            ),
        };
        var began = Stopwatch.StartNew();
        while (began.Elapsed < Limit && (Volatile.Read(ref passes) < 10 || Volatile.Read(ref writes) < 10))
            await Task.Delay(20);
        Volatile.Write(ref stopped, 1);
        await Task.WhenAll(tasks).WaitAsync(Limit);
        Assert.True(passes >= 10 && writes >= 10, $"{passes} passes, {writes} writes");
    }

    /// <summary>W = 2X; it writes to X when it has read X, as another thread might.</summary>
    private sealed class Writing() : CustomNode("writing", "doubled tensors")
    {
        public Tensor? Original { get; set; }

        public Parametrization Value => Parametrizations.Of(this);

        protected override Tensor Forward(Tensor input)
        {
            var doubled = input * 2;
            using var _ = no_grad();
            Original?.add_(1);
            Original = null;
            return doubled;
        }

        protected override Tensor RightInverse(Tensor value) => value / 2;
    }

    /// <summary>Stops in the middle of a pass when told to.</summary>
    private sealed class Stopping : nn.Module<Tensor, Tensor>
    {
        public readonly Parameter weight = nn.Parameter(randn(4, 4));
        private readonly SemaphoreSlim _mayGoOn = new(0);

        public Stopping()
            : base(nameof(Stopping)) => RegisterComponents();

        public Action? Pause { get; set; }

        /// <summary>A pass that has begun and not yet read its weight.</summary>
        /// <param name="model">What is called; the module itself if there is none.</param>
        public Task<Tensor> StopInPass(nn.Module<Tensor, Tensor>? model = null)
        {
            using var isInside = new SemaphoreSlim(0);
            Pause = () =>
            {
                isInside.Release();
                _mayGoOn.Wait();
            };
            var pass = Task.Run(() => (model ?? this).call(eye(4)));
            isInside.Wait();
            Pause = null;
            return pass;
        }

        public void GoOn() => _mayGoOn.Release();

        public override Tensor forward(Tensor input)
        {
            Pause?.Invoke();
            return input.matmul(weight);
        }
    }
}

using Parametrize.CSharp;
using Properties.CSharp.Shared;
using Properties.CSharp.Support;
using TorchSharp.Modules;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp.Caching;

/// <summary>Passes of several threads in one scope, while somebody writes to the parts or a pass throws.</summary>
public class CachedValuesInThreads
{
    [Fact]
    public void Threads_that_come_after_a_write_compute_once_for_all()
    {
        var node = new Doubling();
        var tied = Tied.Of(node.Value);
        var original = tied.Tensor.parameters().Single();
        node.Evaluations = 0;
        using var scope = parametrize.cached();
        var before = node.Evaluations;
        for (var round = 1; round <= 20; round++)
        {
            using (no_grad())
                original.fill_(round);
            var distances = new double[8];
            var threads = Enumerable
                .Range(0, distances.Length)
                .Select(index => new Thread(() =>
                {
                    for (var use = 0; use < 5; use++)
                    {
                        var linear = (Linear)(index % 2 == 0 ? tied.encoder : tied.decoder);
                        using var output = linear.call(ones(1, 4));
                        distances[index] += Near.Distance(full(1, 4, 8.0 * round) + linear.bias!, output);
                    }
                }))
                .ToArray();
            Array.ForEach(threads, thread => thread.Start());
            Array.ForEach(threads, thread => thread.Join());
            Assert.All(distances, distance => Assert.InRange(distance, 0, 1e-3));
            Assert.Equal(before + round, node.Evaluations);
        }
    }

    [Fact]
    public async Task A_pass_in_the_middle_of_a_write_goes_on_with_what_it_has()
    {
        var module = new Pausing().register_parametrization("weight", Parametrizations.Orthogonal());
        var original = module.parametrization("weight").parameters().Single();
        using var scope = parametrize.cached();
        using var before = module.parametrization("weight").Value;
        using var isInside = new SemaphoreSlim(0);
        using var mayGoOn = new SemaphoreSlim(0);
        module.Pause = () =>
        {
            isInside.Release();
            mayGoOn.Wait();
        };
        var pass = Task.Run(() => module.call(eye(4)));
        await isInside.WaitAsync();
        module.Pause = null;

        for (var write = 0; write < 3; write++)
        {
            using (no_grad())
                original.mul_(0.5);
            Near.Same(module.parametrization("weight").Value, module.call(eye(4)));
        }

        mayGoOn.Release();
        Near.Same(before, await pass);
        using (no_grad())
            original.mul_(0.5);
        Near.Same(module.parametrization("weight").Value, module.call(eye(4)));
    }

    [Fact]
    public void A_pass_that_throws_in_a_scope_spoils_no_later_one()
    {
        var module = new Fragile().register_parametrization("weight", Parametrizations.Orthogonal());
        var original = module.parametrization("weight").parameters().Single();
        using var scope = parametrize.cached();
        for (var round = 0; round < 3; round++)
        {
            var thread = new Thread(() =>
            {
                module.Fails = true;
                Assert.Throws<ApplicationException>(() => module.call(eye(4)));
                module.Fails = false;
            });
            thread.Start();
            thread.Join();
            using (no_grad())
                original.mul_(0.9);
            Near.Same(module.call(eye(4)), module.parametrization("weight").Value);
        }
    }

    private sealed class Pausing : nn.Module<Tensor, Tensor>
    {
        private readonly Parameter weight = nn.Parameter(randn(4, 4));

        public Pausing()
            : base(nameof(Pausing)) => RegisterComponents();

        public Action? Pause { get; set; }

        public override Tensor forward(Tensor input)
        {
            var read = weight;
            Pause?.Invoke();
            return input.matmul(read);
        }
    }
}

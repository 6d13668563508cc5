using Parametrize;
using Parametrize.CSharp;
using Properties.CSharp.Support;
using TorchSharp.Modules;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp.Threads;

/// <summary>What a setter assigns stays in the field until it is taken, however long the setter takes.</summary>
public class AssignmentsAreNotLost
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(20);

    /// <summary>
    /// A setter pauses between disposing the old tensor and putting the new one into the field. Another thread stops waiting for it,
    /// and is computing the old value when the setter goes on.
    /// </summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_setter_that_pauses_assigns_although_another_thread_computes(bool isScoped)
    {
        var node = new Stopped();
        var module = new Pausing();
        module.register_parametrization("_weight", Parametrizations.Of(node));
        using var scope = isScoped ? parametrize.cached(module) : null;
        module.call(eye(4)).Dispose();
        using (no_grad())
            module.parametrization("_weight").parameters().Single().zero_();

        var assigned = nn.Parameter(full([4, 4], 6.0f));
        Task<Tensor>? other = null;
        module.Pause = () =>
        {
            using var isComputing = new ManualResetEventSlim();
            node.Meanwhile = () =>
            {
                isComputing.Set();
                Assert.True(SpinWait.SpinUntil(() => ReferenceEquals(module.weight, assigned), Limit));
            };
            other = Task.Run(() => module.call(eye(4)));
            Assert.True(isComputing.Wait(Limit));
        };
        module.weight = assigned;
        using var output = await other!.WaitAsync(Limit);
        Assert.Contains(output.mean().item<float>(), new[] { 0f, 6f });
        Near.Same(full([4, 4], 6.0f), module.call(eye(4)));
        Near.Same(full([4, 4], 6.0f), module.parametrization("_weight").Value);
    }

    /// <summary>A pass that may have thrown is waited for 0.1 s, a setter 1 s: its thread may just not be running.</summary>
    [Fact]
    public void A_setter_that_takes_a_third_of_a_second_is_waited_for()
    {
        // A machine that stops the setter's thread for longer than others wait is given more tries.
        Assert.Contains(Enumerable.Range(0, 5), _ => IsWaitedFor());

        static bool IsWaitedFor()
        {
            var module = new Pausing();
            module.register_parametrization("_weight", Parametrizations.Scale(2));
            module.call(eye(4)).Dispose();
            Task<Tensor>? other = null;
            module.Pause = () =>
            {
                other = Task.Run(() => module.call(eye(4)));
                Thread.Sleep(300);
            };
            module.weight = nn.Parameter(full([4, 4], 6.0f));
            Assert.True(other!.Wait(Limit));
            using var output = other.Result;
            return output.mean().item<float>() == 6;
        }
    }

    /// <summary>A layer with a setter like those of TorchSharp's modules, which stops in its middle.</summary>
    private sealed class Pausing : nn.Module<Tensor, Tensor>
    {
        private Parameter? _weight;

        public Pausing()
            : base(nameof(Pausing)) => weight = nn.Parameter(zeros(4, 4));

        public Action? Pause { get; set; }

        public Parameter? weight
        {
            get => _weight;
            set
            {
                _weight?.Dispose();
                Pause?.Invoke();
                _weight = value;
                ConditionallyRegisterParameter("_weight", value);
            }
        }

        public override Tensor forward(Tensor input) => input.mm(_weight!);
    }

    /// <summary>W = 2X; something happens once while it is computed.</summary>
    private sealed class Stopped() : CustomNode("stopped", "doubled tensors")
    {
        public Action? Meanwhile { get; set; }

        protected override Tensor Forward(Tensor input)
        {
            var act = Meanwhile;
            Meanwhile = null;
            act?.Invoke();
            return input + input;
        }

        protected override Tensor RightInverse(Tensor value) => value / 2;
    }
}

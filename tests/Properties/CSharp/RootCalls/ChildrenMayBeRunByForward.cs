using Parametrize.CSharp;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp.RootCalls;

/// <summary>What was registered through a model is computed once for each `call` of it: its children may be run by `forward`.</summary>
public class ChildrenMayBeRunByForward
{
    private sealed class Net : nn.Module<Tensor, Tensor>
    {
        public readonly TorchSharp.Modules.Linear first = nn.Linear(4, 4);
        public readonly TorchSharp.Modules.GRU second = nn.GRU(4, 4);
        public Func<Net, Tensor, Tensor>? Instead;

        public Net()
            : base(nameof(Net)) => RegisterComponents();

        public override Tensor forward(Tensor input)
        {
            if (Instead is { } instead)
            {
                Instead = null;
                return instead(this, input);
            }
            var x = first.forward(first.forward(input));
            return second.forward(x.unsqueeze(0)).Item1;
        }
    }

    [Fact]
    public void A_root_call_computes_for_all()
    {
        var net = new Net();
        net.register_parametrization("first.weight", Parametrizations.Skew);
        net.register_parametrization("second.weight_hh_l0", Parametrizations.Bounded(-1, 1));
        using var optimizer = optim.SGD(net.parameters(), 0.1);
        for (var step = 0; step < 3; step++)
        {
            optimizer.zero_grad();
            net.call(randn(2, 4)).pow(2).sum().backward();
            optimizer.step();
        }
        Assert.All(net.parameters(), parameter => Assert.NotNull(parameter.grad));
        Assert.ThrowsAny<Exception>(() => net.first.forward(randn(2, 4)).sum().backward());
    }

    [Fact]
    public void A_pass_may_call_itself_and_its_children()
    {
        var net = new Net();
        net.register_parametrization("first.weight", Parametrizations.Skew);
        net.Instead = (self, input) => self.call(self.first.call(input)).sum() + self.first.forward(input).sum();
        net.call(randn(2, 4)).backward();
        Assert.ThrowsAny<Exception>(() => net.first.forward(randn(2, 4)).sum().backward());
    }

    [Fact]
    public void A_pass_that_throws_leaves_the_model_usable()
    {
        var net = new Net();
        net.register_parametrization("first.weight", Parametrizations.Skew);
        net.Instead = (_, _) => throw new InvalidOperationException("half way");
        Assert.Throws<InvalidOperationException>(() => net.call(randn(2, 4)));
        net.first.call(randn(2, 4)).sum().backward();
        net.call(randn(2, 4)).sum().backward();
        Assert.ThrowsAny<Exception>(() => net.first.forward(randn(2, 4)).sum().backward());
    }

    private sealed class Masked : nn.Module<Tensor, Tensor>
    {
        public readonly TorchSharp.Modules.TransformerEncoderLayer encoder = nn.TransformerEncoderLayer(4, 2, 8, 0);
        public readonly TorchSharp.Modules.LSTM lstm = nn.LSTM(4, 4);

        public Masked()
            : base(nameof(Masked)) => RegisterComponents();

        public override Tensor forward(Tensor input)
        {
            using var mask = zeros(input.shape[0], input.shape[0]);
            var encoded = encoder.call(input, mask, null!);
            using var packed = nn.utils.rnn.pack_padded_sequence(encoded, tensor(new long[] { 3, 2 }));
            var (_, state, _) = lstm.call(packed);
            return state;
        }
    }

    [Fact]
    public void Overloads_without_hooks_compute_as_the_plain_model()
    {
        var (plain, net) = (new Masked(), new Masked());
        net.load_state_dict(plain.state_dict());
        foreach (var name in new[] { "encoder.self_attn.in_proj_weight", "encoder.norm1.weight", "lstm.weight_hh_l0" })
            net.register_parametrization(name, Parametrizations.Identity);
        using var ours = optim.SGD(net.parameters(), 0.1);
        using var theirs = optim.SGD(plain.parameters(), 0.1);
        for (var step = 0; step < 3; step++)
        {
            var input = randn(3, 2, 4);
            var (expected, found) = (plain.call(input), net.call(input));
            Assert.True(
                found.allclose(expected, 1e-6, 1e-7),
                $"{step}: {(found - expected).abs().max().item<float>()}"
            );
            foreach (var (optimizer, output) in new[] { (theirs, expected), (ours, found) })
            {
                optimizer.zero_grad();
                output.pow(2).sum().backward();
                optimizer.step();
            }
        }
    }
}

using Parametrize.CSharp;
using Properties.CSharp.Support;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp.NativeModules;

/// <summary>A native module computes with values that are put into it, and is otherwise as any module.</summary>
public class NativeTensorsAreLent
{
    public static TheoryData<string> Kinds => Subject.NativeKinds;

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Reading_a_tensor_that_a_call_has_not_put_there_gives_no_number(string kind)
    {
        var (subject, name) = Subject.Registered(kind);
        using var _ = no_grad();
        for (var pass = 0; pass < 2; pass++)
        {
            Assert.True(subject.Bypass().isnan().any().item<bool>());
            Assert.False(subject.Output().isnan().any().item<bool>());
        }
        Assert.False(subject.Module.parametrization(name).Value.isnan().any().item<bool>());
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void A_cached_scope_computes_once_for_any_number_of_passes(string kind)
    {
        var (subject, name) = Subject.Made(kind);
        var doubling = new Doubling();
        subject.Module.register_parametrization(name, doubling.Value);
        var original = subject.Module.parametrization(name).get_parameter("original")!;
        subject.Output().pow(3).sum().backward();
        using var once = original.grad!.clone();
        original.grad = null;

        var evaluations = doubling.Evaluations;
        using (parametrize.cached())
        {
            var total = subject.Output().pow(3).sum() + subject.Output().pow(3).sum();
            Near.Same(subject.Output(), subject.Bypass());
            Near.Same(subject.Module.parametrization(name).Value, original * 2);
            total.backward();
        }

        Assert.Equal(evaluations + 1, doubling.Evaluations);
        Near.Same(once * 2, original.grad!, 1e-3 * (1 + once.abs().max().item<float>()));
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Going_back_after_the_scope_has_ended_gives_the_same_gradients(string kind)
    {
        var (subject, name) = Subject.Registered(kind);
        var original = subject.Module.parametrization(name).get_parameter("original")!;
        subject.Output().pow(3).sum().backward();
        using var expected = original.grad!.clone();
        original.grad = null;

        Tensor loss;
        using (parametrize.cached())
            loss = subject.Output().pow(3).sum();
        loss.backward();

        Near.Same(expected, original.grad!);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Whatever_comes_between_a_pass_and_its_backward_gradients_are_right_or_refused(string kind)
    {
        Action<Subject, string>[] between =
        [
            (subject, _) => subject.Output(),
            (subject, _) =>
            {
                using var __ = no_grad();
                subject.Output();
            },
            (subject, name) => subject.Module.remove_parametrizations(name),
            (subject, name) =>
                subject.Module.parametrization(name).Value = subject.Module.parametrization(name).Value * 3,
            (subject, name) =>
            {
                subject.Module.parametrization(name).Value = subject.Module.parametrization(name).Value * 3;
                subject.Output();
            },
        ];
        foreach (var action in between)
        {
            var (subject, name) = Subject.Registered(kind);
            var original = subject.Module.parametrization(name).get_parameter("original")!;
            subject.Output().pow(3).sum().backward();
            using var expected = original.grad!.clone();
            original.grad = null;

            var loss = subject.Output().pow(3).sum();
            action(subject, name);
            try
            {
                loss.backward();
            }
            catch (Exception exception)
            {
                Assert.Matches("modified by an inplace operation|has been detached in-place", exception.Message);
                continue;
            }
            if (original.grad is { } gradient)
                Near.Same(expected, gradient);
        }
    }

    [Theory]
    [InlineData("RNNCell")]
    [InlineData("GRUCell")]
    [InlineData("LSTMCell")]
    [InlineData("Embedding")]
    [InlineData("EmbeddingBag")]
    public void What_has_a_property_can_be_called_many_times_before_one_backward(string kind)
    {
        var (subject, name) = Subject.Registered(kind);
        var original = subject.Module.parametrization(name).get_parameter("original")!;
        subject.Output().pow(3).sum().backward();
        using var once = original.grad!.clone();
        original.grad = null;

        (subject.Output().pow(3).sum() + subject.Output().pow(3).sum() + subject.Output().pow(3).sum()).backward();

        Near.Same(once * 3, original.grad!, 1e-3 * (1 + once.abs().max().item<float>()));
    }

    [Fact]
    public void Getters_and_setters_of_properties_are_understood()
    {
        var layer = nn.Embedding(4, 4);
        layer.register_parametrization(l => l.weight, Parametrizations.Skew);
        layer.register_parametrization(l => l.weight, Parametrizations.Cayley());
        Assert.Equal("skew >>> cayley", layer.parametrization("weight").Parametrization.ToString());
        Assert.True(layer.weight!.isnan().all().item<bool>());

        var assigned = nn.Embedding(4, 4).register_parametrization("weight", new Doubling().Value);
        using var value = randn(4, 4);
        assigned.weight = nn.Parameter(value.clone());
        Near.Same(value, assigned.call(arange(4)));
        Near.Same(value, assigned.parametrization("weight").Value);
        Assert.Equal(["parametrizations.weight.original"], assigned.state_dict().Keys);
        using (parametrize.cached(assigned))
            Near.Same(value, assigned.weight!);
    }

    [Fact]
    public void A_lambda_points_at_what_a_getter_of_a_native_tensor_gives()
    {
        var rnn = nn.RNN(4, 4, 2);
        rnn.register_parametrization(m => m.get_weight_hh(1), Parametrizations.Orthogonal());
        Assert.True(rnn.is_parametrized("weight_hh_l1"));
        rnn.register_parametrization(m => m.get_weight_hh(1), new Doubling().Value);
        Assert.Equal(2, rnn.parametrization("weight_hh_l1").Parametrization.Nodes.Count);
    }

    [Fact]
    public void Overloads_that_run_no_hooks_work_in_a_scope()
    {
        var layer = nn.TransformerEncoderLayer(4, 2, 6, 0);
        layer.eval();
        layer.register_parametrization("self_attn.in_proj_weight", new Doubling().Value);
        var (input, mask) = (randn(3, 2, 4), zeros(3, 3));
        var lstm = nn.LSTM(3, 4).orthogonal("weight_hh_l0");
        var packed = nn.utils.rnn.pack_sequence([randn(5, 3), randn(2, 3)]);

        Assert.True(layer.call(input, mask).isnan().any().item<bool>());
        Assert.True(lstm.call(packed).Item2.isnan().any().item<bool>());
        using var _ = parametrize.cached(layer);
        using var __ = parametrize.cached(lstm);
        Near.Same(layer.call(input), layer.call(input, mask));
        Assert.False(lstm.call(packed).Item2.isnan().any().item<bool>());
    }
}

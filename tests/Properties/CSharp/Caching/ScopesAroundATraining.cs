using Parametrize;
using Parametrize.CSharp;
using Properties.CSharp.Support;
using TorchSharp;
using TorchSharp.Modules;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp.Caching;

/// <summary>
/// One scope for a model around its whole training, with children run by `forward`: each `call` of the model computes anew
/// what an optimizer has written, however the tensors were registered.
/// </summary>
public class ScopesAroundATraining
{
    private sealed class Stack : nn.Module<Tensor, Tensor>
    {
        public readonly Linear first = nn.Linear(4, 4);
        public readonly LSTM memory = nn.LSTM(4, 4, batchFirst: true);
        public readonly Linear last = nn.Linear(4, 4);

        /// <summary>On the children themselves: nothing tells that they are in this model.</summary>
        public Stack()
            : base(nameof(Stack))
        {
            RegisterComponents();
            first.register_parametrization("weight", Parametrizations.Symmetric);
            memory.register_parametrization("weight_hh_l0", Parametrizations.WeightNorm());
            last.orthogonal();
        }

        public override Tensor forward(Tensor input)
        {
            var (states, _, _) = memory.forward(first.forward(input).tanh());
            return last.forward(states);
        }
    }

    [Fact]
    public void It_trains_as_with_a_scope_for_each_step()
    {
        var (all, each) = Twins();
        using (parametrize.cached(all))
            Train(all, _ => null);
        Train(each, parametrize.cached);
        foreach (var (name, tensor) in each.parametrizations())
            Near.Same(tensor.Value, all.parametrization(name).Value, 1e-5);
        Assert.All(all.parameters(), parameter => Assert.NotNull(parameter.grad));
    }

    [Fact]
    public void Inference_computes_once()
    {
        var node = new Doubling();
        var model = nn.Sequential(nn.Linear(4, 4).register_parametrization("weight", node.Value));
        node.Evaluations = 0;
        using (parametrize.cached(model))
        using (no_grad())
            for (var pass = 0; pass < 5; pass++)
                model.call(ones(1, 4)).Dispose();
        Assert.Equal(1, node.Evaluations);
        model.call(ones(1, 4)).Dispose();
        model.call(ones(1, 4)).Dispose();
        Assert.Equal(3, node.Evaluations);
    }

    public static TheoryData<string> Changes => ["eval", "train", "load", "to", "double"];

    [Theory]
    [MemberData(nameof(Changes))]
    public void Fields_show_the_value_after_what_drops_it(string change)
    {
        var (model, other) = (
            nn.Sequential(nn.Linear(4, 4).spectral_norm()),
            nn.Sequential(nn.Linear(4, 4).spectral_norm())
        );
        var layer = (Linear)model[0];
        if (change is "train")
            model.eval();
        using var _ = NewDisposeScope();
        using var scope = parametrize.cached(model);
        switch (change)
        {
            case "eval":
                model.eval();
                break;
            case "train":
                model.train();
                break;
            case "load":
                model.load_parametrized_state_dict(other.state_dict());
                break;
            case "to":
                model.to(ScalarType.Float64);
                break;
            default:
                model.to(ScalarType.Float64);
                model.to(ScalarType.Float32);
                break;
        }
        Near.Same(model.parametrization("0.weight").Value, layer.weight);
        Near.Same(model.call(ones([1, 4], layer.weight.dtype)), model.forward(ones([1, 4], layer.weight.dtype)));
    }

    [Fact]
    public void Scopes_of_several_threads_leave_no_hooks_behind()
    {
        var (model, _) = Twins();
        Parallel.For(
            0,
            20,
            _ =>
            {
                using var __ = NewDisposeScope();
                using var scope = parametrize.cached(model);
                using var ___ = no_grad();
                model.call(ones(1, 3, 4));
            }
        );
        Assert.ThrowsAny<Exception>(() => model.call(ones(1, 3, 4)));
    }

    private static (Stack, Stack) Twins()
    {
        var (first, second) = (new Stack(), new Stack());
        second.load_parametrized_state_dict(first.state_dict());
        return (first, second);
    }

    private static void Train(Stack model, Func<nn.Module, IDisposable?> scopeFor)
    {
        using var optimizer = optim.SGD(model.parameters(), 0.1);
        for (var step = 0; step < 6; step++)
        {
            using var _ = NewDisposeScope();
            using var scope = scopeFor(model);
            optimizer.zero_grad();
            model.call(linspace(-1, 1, 24).reshape(2, 3, 4)).pow(2).sum().backward();
            optimizer.step();
        }
    }
}

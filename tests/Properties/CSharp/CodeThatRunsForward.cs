using Parametrize.CSharp;
using Properties.CSharp.Support;
using TorchSharp.Modules;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp;

/// <summary>Models of other people's, whose code calls `forward` of their layers and cannot be changed.</summary>
public class CodeThatRunsForward
{
    /// <summary>Sentences of words are three-dimensional, which is another way through libtorch than matrices take.</summary>
    private sealed class Block : nn.Module<Tensor, Tensor>
    {
        private readonly Linear query = nn.Linear(16, 16);
        private readonly Linear value = nn.Linear(16, 16, hasBias: false);
        private readonly bool _calls;

        public Block(bool calls)
            : base(nameof(Block))
        {
            _calls = calls;
            RegisterComponents();
        }

        public override Tensor forward(Tensor input) => Of(value, Of(query, input).softmax(-1) * input) + input;

        private Tensor Of(Linear layer, Tensor input) => _calls ? layer.call(input) : layer.forward(input);
    }

    [Theory]
    [InlineData("query.weight")]
    [InlineData("value.weight")]
    public void Without_a_call_around_it_it_fails_with_what_the_page_of_errors_lists(string name)
    {
        var block = new Block(calls: false).register_parametrization(name, Parametrizations.Orthogonal());
        var input = randn(3, 7, 16);
        var error = Assert.ThrowsAny<Exception>(() => block.forward(input));
        Assert.Contains("t() expects a tensor with <= 2 dimensions, but self is 3D", error.Message);
        Assert.Equal(input.shape, block.call(input).shape);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void In_a_scope_around_each_step_and_by_call_it_trains_as_if_it_called(bool isCalled)
    {
        var (stubborn, polite) = (new Block(calls: false), new Block(calls: true));
        polite.load_state_dict(stubborn.state_dict());
        foreach (var block in (Block[])[stubborn, polite])
            block.register_parametrizations<Linear>("weight", Parametrizations.Cayley());
        using var theirs = optim.Adam(stubborn.parameters(), 0.02);
        using var ours = optim.Adam(polite.parameters(), 0.02);
        using var before = stubborn.parametrization("query.weight").Value.detach();
        for (var step = 0; step < 5; step++)
        {
            using var all = NewDisposeScope();
            var input = randn(3, 7, 16);
            using (isCalled ? null : parametrize.cached(stubborn))
                Step(theirs, isCalled ? stubborn.call(input) : stubborn.forward(input));
            Step(ours, polite.call(input));
            foreach (var (key, tensor) in polite.baked_state_dict())
                Near.Same(tensor, stubborn.baked_state_dict()[key]);
        }
        Near.Orthogonal(stubborn.parametrization("query.weight").Value.detach());
        Near.Different(before, stubborn.parametrization("query.weight").Value.detach());
    }

    private static void Step(optim.Optimizer optimizer, Tensor output)
    {
        optimizer.zero_grad();
        output.pow(2).sum().backward();
        optimizer.step();
    }
}

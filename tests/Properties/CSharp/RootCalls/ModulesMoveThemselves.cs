using Parametrize.CSharp;
using Properties.CSharp.Support;
using TorchSharp;
using TorchSharp.Modules;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp.RootCalls;

/// <summary>A forward pass may move its own module, or a child, to another element type and back, as in PyTorch.</summary>
public class ModulesMoveThemselves
{
    private sealed class Mover : nn.Module<Tensor, Tensor>
    {
        public Parameter weight = nn.Parameter(randn(4, 4));
        public readonly Linear child = nn.Linear(4, 4);
        private readonly string _moved;

        public Mover(string moved)
            : base(nameof(Mover))
        {
            _moved = moved;
            RegisterComponents();
        }

        public override Tensor forward(Tensor input)
        {
            Move(ScalarType.Float64);
            var wide = input.to(ScalarType.Float64);
            var moved = _moved is "child" ? wide : wide.mm(weight.T);
            moved = _moved is "parameter" ? moved : child.forward(moved);
            Move(ScalarType.Float32);
            return child.forward(moved.to(ScalarType.Float32)).mm(weight.T);
        }

        private void Move(ScalarType dtype)
        {
            if (_moved is "child")
                child.to(dtype);
            else
                this.to(dtype);
        }
    }

    [Theory]
    [InlineData("child", false)]
    [InlineData("child", true)]
    [InlineData("all", false)]
    [InlineData("all", true)]
    [InlineData("parameter", false)]
    [InlineData("parameter", true)]
    public void And_the_pass_goes_on_as_that_of_a_plain_module(string moved, bool isInScope)
    {
        var (plain, model) = (new Mover(moved), new Mover(moved));
        model.load_state_dict(plain.state_dict());
        model.register_parametrization("child.weight", Parametrizations.Identity);
        model.register_parametrization("weight", Parametrizations.Scale(2));
        for (var pass = 0; pass < 3; pass++)
        {
            using var _ = NewDisposeScope();
            using var scope = isInScope ? parametrize.cached(model) : null;
            Near.Same(plain.call(ones(2, 4)), model.call(ones(2, 4)));
        }
        model.call(ones(2, 4)).sum().backward();
    }
}

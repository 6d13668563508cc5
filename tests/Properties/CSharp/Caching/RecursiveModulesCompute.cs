using Parametrize.CSharp;
using Properties.CSharp.Support;
using TorchSharp.Modules;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp.Caching;

/// <summary>A module whose forward pass calls the module itself computes with one value.</summary>
public class RecursiveModulesCompute
{
    private sealed class Recursive : nn.Module<Tensor, long, Tensor>
    {
        private readonly Parameter weight = nn.Parameter(randn(4, 4));

        public Recursive()
            : base(nameof(Recursive)) => RegisterComponents();

        public override Tensor forward(Tensor input, long depth) =>
            nn.functional.linear(depth == 0 ? input : call(input, depth - 1), weight);
    }

    private readonly Recursive _module = new Recursive().register_parametrization("weight", Parametrizations.Cayley());

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void In_a_scope_and_without_one(bool isScoped)
    {
        using var w = _module.parametrization("weight").Value;
        using (isScoped ? parametrize.cached() : null)
            Near.Same(w.mm(w).mm(w).mT, _module.call(eye(4), 2));
        Near.Orthogonal(_module.call(eye(4), 0));
    }
}

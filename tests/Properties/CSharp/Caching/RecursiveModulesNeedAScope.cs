using Parametrize.CSharp;
using Properties.CSharp.Support;
using TorchSharp.Modules;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp.Caching;

/// <summary>A module whose forward pass calls the module itself: the inner call's end empties the field.</summary>
public class RecursiveModulesNeedAScope
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

    [Fact]
    public void Without_one_they_fail_loudly_and_stay_usable()
    {
        Assert.ThrowsAny<Exception>(() => _module.call(eye(4), 2));
        Near.Orthogonal(_module.call(eye(4), 0));
    }

    [Fact]
    public void In_one_they_compute()
    {
        using var w = _module.parametrization("weight").Value;
        using (parametrize.cached())
            Near.Same(w.mm(w).mm(w).mT, _module.call(eye(4), 2));
        Near.Orthogonal(_module.call(eye(4), 0));
    }
}

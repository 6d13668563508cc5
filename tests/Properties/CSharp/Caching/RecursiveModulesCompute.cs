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

    private sealed class ReadsItsTensor() : CustomNode("readsItsTensor", "all tensors")
    {
        public ParametrizedTensor? Tensor { get; set; }

        protected override Tensor Forward(Tensor x) => Tensor?.Value ?? x.clone();

        protected override Tensor RightInverse(Tensor value) => value.clone();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_value_that_is_computed_from_itself_is_refused(bool isCall)
    {
        var node = new ReadsItsTensor();
        var layer = nn.Linear(3, 3).register_parametrization("weight", Parametrizations.Of(node));
        node.Tensor = layer.parametrization("weight");
        using var input = ones(1, 3);
        var thrown = Assert.ThrowsAny<Exception>(() => isCall ? layer.call(input) : node.Tensor.Value);
        Assert.Contains("reads its own value", $"{thrown}", StringComparison.Ordinal);
        node.Tensor = null;
        layer.call(input).Dispose();
    }
}

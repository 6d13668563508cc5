using Parametrize.CSharp;
using TorchSharp.Modules;
using static Notebook.Measured;
using static TorchSharp.torch;

namespace Notebook.Chapters;

internal sealed class Caching : IChapter
{
    private const int Uses = 10;

    public string Title => "Caching: computed once for many uses";

    public void Check(Claims claims)
    {
        var counting = new CountingSymmetric();
        var cell = nn.Linear(4, 4).register_parametrization("weight", Parametrizations.Of(counting));
        int Count(Action action)
        {
            var before = counting.Evaluations;
            action();
            return counting.Evaluations - before;
        }

        var x = randn(2, 4);
        claims.Equal(Uses, Count(() => Recur(cell, x)), $"evaluations for {Uses} uses");
        var direct = Gradient(cell, x);

        var before = counting.Evaluations;
        using (parametrize.cached())
        {
            Recur(cell, x);
            claims.Equal(1, counting.Evaluations - before, $"evaluations for {Uses} uses in a cached scope");
            claims.AtMost(1e-6, Distance(Gradient(cell, x), direct), "gradients of the two, difference");
        }

        using (parametrize.cached(cell))
        {
            claims.Equal(0, Count(() => Recur(cell, x)), "further evaluations where the scope names the model");
            claims.That(ReferenceEquals(cell.weight, cell.weight), "two readers see the same object", $"{cell.weight}");
            claims.AtMost(1e-6, Distance(cell.forward(x), cell.call(x)), "even forward works there, difference");
        }

        claims.Equal(1, Count(() => Weight(cell)), "evaluations for a use after the scope");
    }

    private static Tensor Recur(nn.Module<Tensor, Tensor> cell, Tensor x) =>
        Enumerable.Range(0, Uses).Aggregate(x, (state, _) => cell.call(state).tanh());

    private static Tensor Gradient(Linear cell, Tensor x)
    {
        cell.zero_grad();
        Recur(cell, x).sum().backward();
        return Original(cell).grad!.clone();
    }

    /// <summary>A parametrization of one's own that counts.</summary>
    private sealed class CountingSymmetric() : CustomNode("countingSymmetric", "symmetric matrices")
    {
        public int Evaluations { get; private set; }

        protected override Tensor Forward(Tensor input)
        {
            Evaluations++;
            return input.triu() + input.triu(1).mT;
        }

        protected override Tensor RightInverse(Tensor value) => value.triu();
    }
}

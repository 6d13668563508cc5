using Parametrize;
using Parametrize.CSharp;
using static TorchSharp.torch;

namespace Properties.CSharp.Faults;

/// <summary>Nodes of a user's own, right and wrong, that can change while they are in use.</summary>
internal static class OwnNodes
{
    /// <summary>A map and what is taken for its right inverse.</summary>
    public readonly record struct Pair(Func<Tensor, Tensor> Map, Func<Tensor, Tensor> Inverse);

    /// <summary>Bijections and their inverses.</summary>
    public static readonly Dictionary<string, Pair> Bijections = new()
    {
        ["X + 1"] = new(x => x + 1, w => w - 1),
        ["2 X"] = new(x => x * 2, w => w / 2),
        ["X / 1000"] = new(x => x / 1000, w => w * 1000),
        ["1000 X"] = new(x => x * 1000, w => w / 1000),
        ["X^3"] = new(x => x.pow(3), w => w.sign() * w.abs().pow(1.0 / 3)),
        ["sinh X"] = new(x => x.sinh(), w => w.asinh()),
        ["2 X, in place"] = new(x => x * 2, w => w.div_(2)),
        ["2 X, disposing"] = new(
            x => x * 2,
            w =>
            {
                using (w)
                    return w / 2;
            }
        ),
    };

    /// <summary>Maps onto a smaller set, with right inverses that take any tensor.</summary>
    public static readonly Dictionary<string, Pair> Retractions = new()
    {
        ["X - mean"] = new(x => x - x.mean(), w => w),
        ["palindromes"] = new(x => (x + x.flip(-1)) / 2, w => w),
        ["exp X"] = new(x => x.exp(), w => w.clamp_min(1e-30).log()),
        ["upper"] = new(x => x.triu() + x.triu(1).mT, w => w.triu()),
        ["tanh X"] = new(x => x.tanh(), w => w.clamp(-0.99, 0.99).atanh()),
    };

    /// <summary>Maps whose right inverse is none.</summary>
    public static readonly Dictionary<string, Pair> Wrong = new()
    {
        ["2 X, X"] = new(x => x * 2, w => w),
        ["2 X, 3 X"] = new(x => x * 2, w => w * 3),
        ["1.01 X, X"] = new(x => x * 1.01, w => w),
        ["0.5 X, X"] = new(x => x * 0.5, w => w),
        ["tanh, X"] = new(x => x.tanh(), w => w),
        ["X^3, X"] = new(x => x.pow(3), w => w),
        ["X + 1, X"] = new(x => x + 1, w => w),
        ["dropout"] = new(x => nn.functional.dropout(x, 0.5, true), w => w),
        ["noise"] = new(x => x + randn_like(x), w => w),
    };

    public static IReadOnlyDictionary<string, Pair> All { get; } =
        Bijections.Concat(Retractions).Concat(Wrong).ToDictionary(entry => entry.Key, entry => entry.Value);

    /// <summary>A node that allows the tensors that its right inverse, followed by its map, leaves as they are.</summary>
    public class Changing() : CustomNode("changing", "what it yields")
    {
        public Pair Pair { get; set; } = Bijections["2 X"];

        public Parametrization Value => Parametrizations.Of(this);

        protected override Tensor Forward(Tensor input) => Pair.Map(input);

        protected override Tensor RightInverse(Tensor value) => Pair.Inverse(value);
    }

    /// <summary>A node that allows every tensor.</summary>
    public sealed class Trusting : Changing
    {
        protected override double Distance(Tensor value) => 0;
    }

    /// <summary>The sum of two inputs, with an inverse that is that of their mean.</summary>
    public sealed class Halved() : CustomNodeOfSeveral("changing", "any tensor", 2)
    {
        protected override IReadOnlyList<long[]> InputShapes(long[] shape) => [shape, shape];

        protected override Tensor Forward(Tensor[] inputs) => inputs[0] + inputs[1];

        protected override Tensor[] RightInverse(Tensor value) => [value, value];
    }
}

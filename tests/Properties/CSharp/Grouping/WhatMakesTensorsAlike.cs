using Parametrize;
using Parametrize.CSharp;
using Parametrize.CSharp.Grouping;
using TorchSharp.Modules;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp.Grouping;

/// <summary>Tensors go into one batch where all of their parts can be stacked: any difference keeps them apart.</summary>
public class WhatMakesTensorsAlike
{
    private static Linear Layer(Parametrization value, long rows = 8, ScalarType dtype = ScalarType.Float64) =>
        nn.Linear(4, rows, dtype: dtype).register_parametrization("weight", value);

    private static readonly Dictionary<string, Func<Parametrization, Linear>> Others = new()
    {
        ["another value"] = _ => Layer(Parametrizations.MatrixExp()),
        ["another shape"] = value => Layer(value, rows: 4),
        ["another element type"] = value => Layer(value, dtype: ScalarType.Float32),
        ["a frozen parameter"] = value =>
        {
            var layer = Layer(value);
            layer.parametrization("weight").Originals[0].requires_grad = false;
            return layer;
        },
        ["buffers as PyTorch has them"] = value =>
        {
            var layer = Layer(value);
            layer.load_parametrized_state_dict(layer.pytorch_state_dict());
            return layer;
        },
    };

    public static TheoryData<string> Differences => new(Others.Keys);

    private static (IGroupable, bool) Key(Linear layer) => (layer.parametrization("weight"), false);

    [Theory]
    [MemberData(nameof(Differences))]
    public void One_difference_is_enough(string difference)
    {
        foreach (var value in new[] { Parametrizations.Orthogonal(), Parametrizations.Cayley() })
        {
            var (layer, alike, other) = (Layer(value), Layer(value), Others[difference](value));
            Assert.Equal(Key(layer), Key(alike), Likeness.Comparer);
            Assert.Equal(Likeness.Comparer.GetHashCode(Key(layer)), Likeness.Comparer.GetHashCode(Key(alike)));
            Assert.NotEqual(Key(layer), Key(other), Likeness.Comparer);
            Assert.NotEqual(Key(other), Key(layer), Likeness.Comparer);
            Assert.True(Likeness.MayBeGrouped(other.parametrization("weight")));
        }
    }
}

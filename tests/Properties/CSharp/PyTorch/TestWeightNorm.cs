using Parametrize.CSharp;
using Properties.CSharp.Support;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp.PyTorch;

/// <summary>Weight norm as a parametrization.</summary>
public class TestWeightNorm
{
    [Theory]
    [InlineData(0, ScalarType.Float32)]
    [InlineData(1, ScalarType.Float32)]
    [InlineData(null, ScalarType.Float32)]
    [InlineData(0, ScalarType.BFloat16)]
    [InlineData(1, ScalarType.BFloat16)]
    [InlineData(null, ScalarType.BFloat16)]
    public void test_weight_norm_parametrization(int? dim, ScalarType dtype)
    {
        var layer = nn.Linear(4, 5, dtype: dtype);
        using var input = randn(3, 4).to(dtype);
        using var expected = layer.call(input).detach();
        layer.weight_norm(dim: dim);
        Near.Same(expected, layer.call(input));
        Assert.Equal(
            ["bias", "parametrizations.weight.original0", "parametrizations.weight.original1"],
            layer.named_parameters().Select(entry => entry.name).Order()
        );

        var (g, v) = (layer.Original(part: "original0"), layer.Original(part: "original1"));
        Assert.Equal(
            dim switch
            {
                0 => [5, 1],
                1 => [1, 4],
                _ => Array.Empty<long>(),
            },
            g.shape
        );
        Assert.Equal([5, 4], v.shape);
        using (no_grad())
        {
            v.mul_(7);
            Near.Same(expected, layer.call(input));
            g.mul_(2);
            Near.Same((expected - layer.bias!) * 2, layer.call(input) - layer.bias!);
        }

        layer.remove_parametrizations("weight");
        Near.Same((expected - layer.bias!) * 2, layer.call(input) - layer.bias!);
        Assert.Equal(["weight", "bias"], layer.named_parameters().Select(entry => entry.name));
    }

    [Fact]
    public void test_weight_norm_of_dim_minus_one_is_that_of_the_whole()
    {
        var layer = nn.Linear(4, 5).weight_norm(dim: -1);
        Assert.Equal(Parametrizations.WeightNorm(dimension: null), layer.parametrization("weight").Parametrization);
    }

    [Fact]
    public void test_weight_norm_parametrization_after_another()
    {
        // It reads two tensors, so it comes first, and others behind it.
        var layer = nn.Linear(4, 5).weight_norm();
        layer.register_parametrization("weight", ScriptedNodes.Double).weight_norm("bias", dim: null);
        Assert.Equal(4, layer.parameters().Count());
        layer.call(randn(2, 4)).sum().backward();
        Assert.All(layer.parameters(), parameter => Assert.NotNull(parameter.grad));
    }

    [Fact]
    public void test_rnn_weight_norm()
    {
        var lstm = nn.LSTM(4, 4);
        var names = lstm.named_parameters().Select(entry => entry.name).ToArray();
        using var input = randn(3, 2, 4);
        using var expected = lstm.call(input).Item1.detach();
        lstm.weight_norm("weight_ih_l0").weight_norm("weight_hh_l0");
        Near.Same(expected, lstm.call(input).Item1);
        Assert.Equal(names.Length + 2, lstm.parameters().Count());
        lstm.remove_parametrizations("weight_ih_l0").remove_parametrizations("weight_hh_l0");
        Assert.Equal(names, lstm.named_parameters().Select(entry => entry.name));
        Near.Same(expected, lstm.call(input).Item1);
    }
}

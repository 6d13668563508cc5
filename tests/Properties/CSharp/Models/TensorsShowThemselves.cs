using Microsoft.FSharp.Core;
using Parametrize;
using Parametrize.CSharp;
using Properties.CSharp.Support;
using TorchSharp;
using TorchSharp.Modules;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp.Models;

/// <summary>What a user looks at: what a tensor is computed from, what its nodes yield, and how it prints.</summary>
public class TensorsShowThemselves
{
    [Fact]
    public void F_sharp_shows_a_report_below_its_name()
    {
        var report = nn.Linear(4, 4).register_parametrization("weight", Parametrizations.Skew).parametrization_report();
        Assert.Equal($"\n{report}", Shown(report));
    }

    [Fact]
    public void Original_is_the_parameter_and_originals_are_all_of_them()
    {
        var layer = nn.Linear(4, 3);
        var (weight, bias) = (layer.weight, layer.bias);
        layer.register_parametrization("weight", Parametrizations.Scale(2));
        layer.register_parametrization("bias", Parametrizations.WeightNorm(null));
        Assert.Same(weight, layer.parametrization("weight").Original);
        Assert.Same(weight, Assert.Single(layer.parametrization("weight").Originals));

        var several = layer.parametrization("bias");
        Assert.Equal(several.named_parameters().Select(named => named.parameter), several.Originals);
        Assert.Same(bias, several.Originals[1]);
        var refusal = Assert.Throws<InvalidOperationException>(() => several.Original);
        Assert.Contains("Linear.bias is computed from original0, original1", refusal.Message);

        layer.to(ScalarType.Float64);
        Assert.Equal(ScalarType.Float64, layer.parametrization("weight").Original.dtype);
        var norm = nn.BatchNorm1d(4).register_parametrization("running_var", Parametrizations.Positive);
        Assert.False(norm.parametrization("running_var").Original is Parameter);
    }

    [Theory]
    [InlineData(ScalarType.Float32)]
    [InlineData(ScalarType.BFloat16)]
    [InlineData(ScalarType.Float64)]
    public void Each_node_yields_what_the_rest_of_the_chain_reads(ScalarType dtype)
    {
        var value = Parametrizations.Skew.Then(Parametrizations.Cayley()).Then(Parametrizations.Scale(0.5));
        var tensor = new ParametrizedTensor(value, eye(4, dtype: dtype));
        using (no_grad())
            tensor.Original.add_(rand(4, 4, dtype: dtype));
        using var skew = tensor.ValueAfter(0);
        using var orthogonal = tensor.ValueAfter(1);
        Near.Same(-skew.mT, skew);
        Near.Orthogonal(orthogonal.detach());
        Near.Same(tensor.Value, tensor.ValueAfter(2));
        Near.Same(tensor.Value.detach(), orthogonal.detach() * 0.5);
        Assert.Equal(dtype, skew.dtype);
        orthogonal.sum().backward();
        Assert.NotNull(tensor.Original.grad);
        foreach (var node in new[] { -1, 3 })
            Assert.Contains(
                "3 nodes",
                Assert.Throws<ArgumentOutOfRangeException>(() => tensor.ValueAfter(node)).Message
            );
    }

    /// <summary>In evaluation noise is the identity, so that its output is the parameter.</summary>
    [Fact]
    public void What_is_shown_is_the_readers_own()
    {
        var tensor = new ParametrizedTensor(Parametrizations.WeightNoise(0.5), ones(2, 2));
        tensor.eval();
        using var _ = no_grad();
        tensor.ValueAfter(0).mul_(2);
        Near.Same(ones(2, 2), tensor.Value);
    }

    [Fact]
    public void Nodes_that_train_learn_nothing_by_being_looked_at()
    {
        var layer = nn.Conv2d(2, 3, 3).spectral_norm();
        var tensor = layer.parametrization("weight");
        using var before = tensor.named_buffers().First().buffer.clone();
        Assert.Equal([3, 2, 3, 3], tensor.ValueAfter(0).shape);
        Near.Identical(before, tensor.named_buffers().First().buffer);
    }

    [Fact]
    public void They_print_module_name_code_shape_and_distance()
    {
        var model = nn.Sequential(nn.Linear(4, 3).register_parametrization("weight", Parametrizations.Householder()));
        var tensor = model.parametrization("0.weight");
        Assert.Equal("Linear.weight: householder, [3, 4] Float32, inside", tensor.ToString());
        Assert.Equal(tensor.ToString(), Shown(tensor));

        var alone = new ParametrizedTensor(Parametrizations.Skew, zeros(2, 2));
        Assert.Equal("ParametrizedTensor: skew, [2, 2] Float32, inside", alone.ToString());
        alone.Dispose();
        Assert.Equal("ParametrizedTensor: skew, [2, 2], disposed", alone.ToString());
    }

    [Fact]
    public void A_norm_that_is_off_prints_by_how_much()
    {
        var layer = nn.Linear(4, 4).spectral_norm();
        layer.eval();
        using (no_grad())
            layer.parametrization("weight").named_buffers().ToList().ForEach(named => named.buffer.fill_(0.5));
        Assert.DoesNotContain("inside", layer.parametrization("weight").ToString());
    }

    [Fact]
    public void A_node_that_fails_prints_why()
    {
        var node = new Doubling();
        var layer = nn.Linear(4, 4).register_parametrization("weight", node.Value);
        node.FailIn = "Forward";
        Assert.Contains("cannot be computed", layer.parametrization("weight").ToString());
    }

    [Fact]
    public void FSharp_Interactive_shows_a_report_as_its_table()
    {
        var report = nn.Linear(4, 4).orthogonal().parametrization_report();
        Assert.Equal(report.ToString(), Shown(report).Trim());
        Assert.Equal(report[0].ToString(), Shown(report[0]));
    }

    /// <summary>By the formatter that F# Interactive uses.</summary>
    private static string Shown<T>(T value) =>
        ExtraTopLevelOperators
            .PrintFormatToString(new PrintfFormat<FSharpFunc<T, string>, Unit, string, string, T>("%A"))
            .Invoke(value);
}

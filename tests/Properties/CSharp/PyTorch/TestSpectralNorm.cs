using Parametrize.CSharp;
using Properties.CSharp.Support;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp.PyTorch;

/// <summary>Spectral norm as a parametrization.</summary>
public class TestSpectralNorm
{
    private static Tensor U(nn.Module layer) => layer.Original(part: "0._u");

    private static Tensor V(nn.Module layer) => layer.Original(part: "0._v");

    [Fact]
    public void test_new_spectral_norm()
    {
        var layer = nn.Linear(5, 7).spectral_norm();
        Assert.Equal([7], U(layer).shape);
        Assert.True(layer.HasParameter("parametrizations.weight.original"));
        Assert.True(layer.HasBuffer("parametrizations.weight.0._u"));
        Assert.True(layer.HasBuffer("parametrizations.weight.0._v"));
        Assert.False(layer.HasParameter("weight") || layer.HasBuffer("weight"));
        Assert.Equal([7, 5], layer.Original().shape);

        layer.remove_parametrizations("weight");
        Assert.False(layer.is_parametrized());
        Assert.True(layer.HasParameter("weight"));

        layer.spectral_norm().spectral_norm().spectral_norm("bias").remove_parametrizations("bias");
        Assert.True(layer.HasParameter("bias") && layer.is_parametrized("weight"));
        Assert.True(layer.HasBuffer("parametrizations.weight.1._u"));
        layer.remove_parametrizations("weight");
        Assert.False(layer.is_parametrized());
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void test_new_spectral_norm_in_training_and_evaluation(bool requiresGrad)
    {
        var layer = nn.Linear(3, 4);
        layer.weight.requires_grad_(requiresGrad);
        layer.spectral_norm();
        using var input = randn(2, 3);
        using var u = U(layer).clone();
        using var v = V(layer).clone();

        var sgd = optim.SGD(layer.parameters(), 0.1);
        layer.call(input).pow(2).sum().backward();
        sgd.step();
        layer.call(input);
        var moved = Near.Distance(u, U(layer)) > 0 && Near.Distance(v, V(layer)) > 0;
        Assert.True(moved || !requiresGrad);

        // Two passes before one backward.
        sgd.zero_grad();
        (layer.call(input) + layer.call(input)).pow(2).sum().backward();
        Assert.Equal(requiresGrad, layer.Original().grad is not null);

        using var trained = layer.call(input);
        layer.eval();
        using var before = U(layer).clone();
        Near.Identical(trained, layer.call(input));
        Near.Identical(trained, layer.call(input));
        Near.Identical(before, U(layer));
        layer.remove_parametrizations("weight");
        Near.Same(trained, layer.call(input));
    }

    /// <summary>Finite differences of several passes, in training and in evaluation, before one backward.</summary>
    [Fact]
    public void test_new_spectral_norm_gradients_of_several_passes()
    {
        var layer = nn.Linear(3, 4, dtype: ScalarType.Float64).spectral_norm();
        using var input = randn(2, 3, dtype: ScalarType.Float64);
        using var direction = randn(4, 3, dtype: ScalarType.Float64);
        using var u = U(layer).clone();
        using var v = V(layer).clone();
        double Loss(bool backward)
        {
            using (no_grad())
            {
                U(layer).copy_(u);
                V(layer).copy_(v);
            }
            var passes = new[] { true, false, true, false }.Select(training =>
            {
                layer.train(training);
                return layer.call(input);
            });
            var loss = passes.Aggregate((sum, pass) => sum + pass).pow(2).sum();
            if (backward)
                loss.backward();
            return loss.item<double>();
        }
        double At(double distance)
        {
            using (no_grad())
                layer.Original().add_(direction, distance);
            var loss = Loss(backward: false);
            using (no_grad())
                layer.Original().add_(direction, -distance);
            return loss;
        }

        // The vectors are constants for the gradient, as in PyTorch: exact where power iteration has converged.
        for (var pass = 0; pass < 200; pass++)
            layer.call(input).Dispose();
        u.copy_(U(layer));
        v.copy_(V(layer));
        Loss(backward: true);
        var slope = (layer.Original().grad! * direction).sum().item<double>();
        Assert.Equal((At(1e-5) - At(-1e-5)) / 2e-5, slope, 1e-5 * (1 + Math.Abs(slope)));
    }

    [Fact]
    public void test_new_spectral_norm_dim()
    {
        var layer = nn.ConvTranspose2d(3, 4, (5L, 6L)).spectral_norm();
        layer.call(randn(2, 3, 10, 12));
        Assert.Equal([4], U(layer).shape);
        foreach (
            var transposed in new nn.Module[]
            {
                nn.ConvTranspose1d(2, 5, 2).spectral_norm(),
                nn.ConvTranspose3d(2, 5, 2).spectral_norm(),
            }
        )
            Assert.Equal([5], transposed.parametrization("weight").state_dict()["0._u"].shape);
    }

    /// <summary>The rows are those of the module to which the name leads, not of the one that is asked.</summary>
    [Fact]
    public void test_new_spectral_norm_dim_by_a_longer_name()
    {
        var model = nn.Sequential(nn.Linear(3, 3), nn.Sequential(("up", nn.ConvTranspose1d(3, 4, 5))));
        model.spectral_norm("0.weight").spectral_norm("1.up.weight");
        Assert.Equal([4], model.parametrization("1.up.weight").state_dict()["0._u"].shape);
        using var weight = model.parametrization("1.up.weight").Value;
        Near.Same(ones([]), linalg.svdvals(weight.transpose(0, 1).flatten(1)).max());
    }

    [Fact]
    public void test_new_spectral_norm_forward()
    {
        var layer = nn.Linear(5, 7).spectral_norm();
        using var _ = no_grad();
        var (weight, v) = (layer.Original().clone(), V(layer).clone());
        var u = weight.mv(v);
        u /= u.norm();
        v = weight.mT.mv(u);
        v /= v.norm();
        var expected = weight / u.dot(weight.mv(v));
        Near.Same(expected.mT + layer.bias!, layer.call(eye(5)));
    }

    [Theory]
    [InlineData(ScalarType.Float32)]
    [InlineData(ScalarType.ComplexFloat32)]
    public void test_new_spectral_norm_value(ScalarType dtype)
    {
        var layer = nn.Linear(2, 2, dtype: dtype);
        using var _ = no_grad();
        using var x = layer.weight.diagonal().clone();
        layer.weight.copy_(x.diag());
        layer.spectral_norm();
        using var expected = (x / x.abs().max()).diag();
        Assert.InRange((expected - layer.Read()).abs().max().item<float>(), 0, 1e-5);
    }
}

using Parametrize.CSharp;
using Properties.CSharp.Support;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Properties.CSharp;

/// <summary>Values as functions of data, and what parametrized tensors know of their volumes and determinants.</summary>
public class ValuesAreFunctionsOfData
{
    [Fact]
    public void Undoing_gives_the_data_back()
    {
        var value = Parametrizations.Scale(0.5).Then(Parametrizations.Simplex);
        using var x = randn(4, 3, dtype: float64);
        using var w = value.Apply(x);
        Assert.True(value.Contains(w));
        Near.Same(x, value.Undo(w), 1e-12);
        var (same, volumes) = value.ApplyWithLogVolumes(x, 1);
        Near.Same(w, same, 1e-15);
        Assert.Equal([4L], volumes.shape);
    }

    [Fact]
    public void What_is_no_such_function_is_refused()
    {
        using var x = randn(3, 3);
        Assert.Throws<ArgumentException>(() => Parametrizations.Orthogonal().Apply(x));
        Assert.Throws<ArgumentException>(() => Parametrizations.Skew.Undo(x));
        Assert.Throws<ArgumentException>(() => Parametrizations.Simplex.ApplyWithLogVolumes(x, 0));
        Assert.Throws<ArgumentNullException>(() => Parametrizations.Simplex.Apply(null!));
        Assert.Throws<ArgumentNullException>(() => Parametrizations.Simplex.Undo(null!));
    }

    [Fact]
    public void A_tensor_tells_the_volume_of_each_of_its_vectors()
    {
        var layer = Linear(5, 3);
        layer.register_parametrization("weight", Parametrizations.Simplex);
        using var all = layer.parametrization("weight").LogVolume()!;
        using var each = layer.parametrization("weight").LogVolumes(1)!;
        Assert.Equal([3L], each.shape);
        Near.Same(all, each.sum(), 1e-4);
        Assert.Throws<ArgumentException>(() => layer.parametrization("weight").LogVolumes(0));
    }

    [Fact]
    public void Determinants_and_solutions_have_gradients()
    {
        var layer = Linear(4, 4);
        layer.register_parametrization("weight", Parametrizations.Invertible);
        var tensor = layer.parametrization("weight");
        using var determinant = tensor.LogAbsDeterminant();
        Near.Same(tensor.LogDeterminant(), determinant, 1e-5);
        using var right = randn(4, 2);
        using var solution = tensor.Solve(right);
        Near.Same(right, tensor.Value.matmul(solution), 1e-3);
        (determinant + solution.sum()).backward();
        Assert.NotNull(tensor.get_parameter("original")!.grad);
        Assert.Throws<ArgumentNullException>(() => tensor.Solve(null!));
        Assert.Throws<ArgumentException>(() => tensor.Solve(randn(3, 2)));
    }

    /// <summary>A factorization is there in single precision only.</summary>
    [Theory]
    [InlineData(ScalarType.Float16)]
    [InlineData(ScalarType.BFloat16)]
    public void Determinants_of_16_bits_are_the_same_in_scopes(ScalarType dtype)
    {
        var layer = Linear(4, 4).to(dtype);
        layer.register_parametrization("weight", Parametrizations.Symmetric);
        var tensor = layer.parametrization("weight");
        using var alone = tensor.LogAbsDeterminant();
        using (parametrize.cached(layer))
        {
            using var value = tensor.Value;
            using var held = tensor.LogAbsDeterminant();
            Assert.Equal(ScalarType.Float32, held.dtype);
            Near.Same(alone, held, 0.05);
        }
    }
}

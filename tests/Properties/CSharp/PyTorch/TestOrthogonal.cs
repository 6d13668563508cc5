using Parametrize;
using Parametrize.CSharp;
using Properties.CSharp.Support;
using TorchSharp.Modules;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp.PyTorch;

/// <summary>Three shapes, two fields, three maps, with and without a base.</summary>
public class TestOrthogonal
{
    public static TheoryData<int, int, ScalarType, string, bool> Cases
    {
        get
        {
            var cases = new TheoryData<int, int, ScalarType, string, bool>();
            foreach (var (rows, columns) in new[] { (4, 4), (3, 5), (5, 3) })
            foreach (var dtype in new[] { ScalarType.Float32, ScalarType.ComplexFloat32 })
            foreach (var map in new[] { "matrix_exp", "cayley", "householder" })
            foreach (var trivialized in new[] { false, true })
                cases.Add(rows, columns, dtype, map, trivialized);
            return cases;
        }
    }

    private static OrthogonalMap Map(string name) =>
        name switch
        {
            "matrix_exp" => OrthogonalMap.MatrixExp,
            "cayley" => OrthogonalMap.Cayley,
            _ => OrthogonalMap.Householder,
        };

    private static bool IsWide(Tensor matrix) => matrix.shape[0] < matrix.shape[1];

    private static void AssertOrthonormal(Tensor matrix)
    {
        using var tall = IsWide(matrix) ? matrix.mT : matrix;
        using var defect = tall.mH.matmul(tall) - eye(tall.shape[1], dtype: matrix.dtype);
        Assert.InRange(defect.abs().max().item<float>(), 0, 1e-5);
    }

    /// <summary>The Q of a QR decomposition whose R has a positive diagonal.</summary>
    private static Tensor Q(Tensor matrix)
    {
        var (q, r) = linalg.qr(IsWide(matrix) ? matrix.mT : matrix);
        var diagonal = r.diagonal();
        var positive = q * (diagonal / diagonal.abs()).unsqueeze(-2);
        return IsWide(matrix) ? positive.mT : positive;
    }

    private static void AssertClose(Tensor expected, Tensor actual) =>
        Assert.InRange((expected - actual).abs().max().item<float>(), 0, 1e-5);

    [Theory]
    [MemberData(nameof(Cases))]
    public void test_orthogonal_parametrization(int rows, int columns, ScalarType dtype, string map, bool trivialized)
    {
        var layer = nn.Linear(columns, rows, dtype: dtype);
        using var initial = layer.weight.detach().clone();
        Linear Register() => layer.orthogonal("weight", Map(map), trivialized);
        if (map == "householder" && initial.is_complex())
        {
            var before = Snapshot.Of(layer);
            Assert.Throws<ParametrizationException>(Register);
            before.AssertUnchanged();
            return;
        }
        Register();
        var weight = layer.parametrization("weight");
        Assert.Equal(initial.shape, layer.Read().shape);
        AssertOrthonormal(layer.Read());
        var canInitialize = trivialized || map == "householder";
        using var any = randn(rows, columns, dtype: dtype);
        using var q = Q(any);
        Assert.Throws<ParametrizationException>(() => weight.Value = any);
        if (canInitialize)
        {
            AssertClose(Q(initial), layer.Read());
            weight.Value = q;
            AssertClose(q, layer.Read());
        }

        var sgd = optim.SGD(layer.parameters(), 0.1);
        using var input = randn(3, columns, dtype: dtype);
        for (var step = 0; step < 2; step++)
        {
            sgd.zero_grad();
            layer.call(input).abs().pow(2).sum().backward();
            using var gradient = layer.Original().grad!;
            using var unused = IsWide(gradient) ? gradient.tril(-1) : gradient.triu(1);
            Assert.Equal(0, unused.abs().max().item<float>());
            using var diagonal = gradient.is_complex() ? gradient.diagonal().real : gradient.diagonal();
            Assert.Equal(0, diagonal.abs().max().item<float>());
            sgd.step();
            AssertOrthonormal(layer.Read());
        }
    }

    [Fact]
    public void test_orthogonal_errors()
    {
        // PyTorch's "has to be one of" is a matter of types here.
        var layer = nn.Linear(3, 4);
        var before = Snapshot.Of(layer);
        var error = Assert.Throws<ParametrizationException>(() => layer.orthogonal("bias"));
        Assert.Contains("2 dimensions", error.Message);
        before.AssertUnchanged();

        layer.orthogonal();
        before = Snapshot.Of(layer);
        error = Assert.Throws<ParametrizationException>(() => layer.parametrization("weight").Value = randn(5, 5));
        Assert.Contains("[4, 3]", error.Message);
        before.AssertUnchanged();
        layer.remove_parametrizations("weight");
    }
}

using Parametrize.CSharp;
using static TorchSharp.torch;

namespace Notebook.Geotorch;

/// <summary>geotorch's `eigenvalue.py`: the largest eigenvalue as the largest Rayleigh quotient on the sphere.</summary>
internal sealed class LargestEigenvalue : IChapter
{
    private const int Size = 200;

    public string Title => "geotorch: the largest eigenvalue";

    public void Check(Claims claims)
    {
        var matrix = rand(Size, Size);
        matrix = (matrix + matrix.mT) / 2;
        var expected = linalg.eigvalsh(matrix)[-1].item<float>();

        using var x = new ParametrizedTensor(Parametrizations.Sphere(), Parametrizations.Sphere().Sample([Size]));
        var optimizer = optim.SGD(x.parameters(), 1.0 / Size);
        var (found, steps) = (double.NegativeInfinity, 0);
        while (expected - found > 1e-3 && steps < 500)
        {
            using var scope = NewDisposeScope();
            var vector = x.Value;
            var quotient = vector.matmul(matrix).matmul(vector);
            found = quotient.item<float>();
            optimizer.zero_grad();
            quotient.neg().backward();
            optimizer.step();
            steps++;
        }
        claims.AtMost(1e-3, Math.Abs(expected - found), $"{found:g6} after {steps} steps, which is off by");
    }
}

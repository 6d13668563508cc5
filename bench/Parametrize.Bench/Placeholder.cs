using BenchmarkDotNet.Attributes;
using TorchSharp;

public class Placeholder
{
    private readonly torch.Tensor matrix = torch.randn(64, 64);

    [Benchmark]
    public void Multiply() => matrix.mm(matrix).Dispose();
}

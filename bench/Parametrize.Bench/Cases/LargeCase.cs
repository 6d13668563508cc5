using Parametrize.CSharp;
using static TorchSharp.torch;

namespace Parametrize.Bench.Cases;

/// <summary>What the documents say of large tensors.</summary>
internal sealed class LargeCase
{
    private readonly string _name;

    private LargeCase(string name, Action run) => (_name, Run) = (name, run);

    public Action Run { get; }

    public static IEnumerable<LargeCase> All()
    {
        yield return new("orthogonal, 30,000 x 50: registering, forward, backward", RegisterTall);

        var doublyStochastic = new ParametrizedTensor(Parametrizations.DoublyStochastic, rand(768, 768));
        yield return new("doublyStochastic, 768 x 768: forward, backward", () => Pass(doublyStochastic));

        var outside = randn(768, 768);
        yield return new(
            "doublyStochastic, 768 x 768: projecting",
            () => Parametrizations.DoublyStochastic.Project(outside).Dispose()
        );

        foreach (var size in new[] { 1024, 2048 })
        {
            var layer = nn.Linear(size, size).weight_norm();
            yield return new(
                $"a report of singular values, {size:N0} x {size:N0}",
                () => layer.parametrization_report(spectraUpTo: size)
            );
        }
    }

    public override string ToString() => _name;

    private static void RegisterTall()
    {
        using var tensor = new ParametrizedTensor(Parametrizations.Orthogonal(), randn(30_000, 50));
        Pass(tensor);
    }

    private static void Pass(ParametrizedTensor tensor)
    {
        using var scope = NewDisposeScope();
        tensor.zero_grad();
        tensor.Value.square().sum().backward();
    }
}

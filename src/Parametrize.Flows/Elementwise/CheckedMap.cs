using static TorchSharp.torch;

namespace Parametrize.Flows;

/// <summary>A user's element map with a check: it must yield tensors of the shape of its argument.</summary>
internal sealed record CheckedMap : IElementMap
{
    private readonly IElementMap _map;

    private CheckedMap(IElementMap map) => _map = map;

    /// <summary>The map itself, where it is the library's.</summary>
    public static IElementMap Of(IElementMap map)
    {
        ArgumentNullException.ThrowIfNull(map);
        return map.GetType().Assembly == typeof(IElementMap).Assembly ? map : new CheckedMap(map);
    }

    public long ParameterCount => _map.ParameterCount;

    public (Tensor Value, Tensor LogDerivative) Forward(Tensor x, Tensor parameters)
    {
        var (value, logDerivative) = _map.Forward(x, parameters);
        Batches.RequireMade(value, x.shape, $"{_map}.Forward", "values");
        Batches.RequireMade(logDerivative, x.shape, $"{_map}.Forward", "the logarithm of a derivative for each number");
        return (value, logDerivative);
    }

    public Tensor Inverse(Tensor y, Tensor parameters)
    {
        var x = _map.Inverse(y, parameters);
        Batches.RequireMade(x, y.shape, $"{_map}.Inverse", "numbers");
        return x;
    }

    public override string ToString() => $"{_map}";
}

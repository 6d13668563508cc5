using Parametrize.Bench.Formulas;
using Parametrize.CSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using Core = Parametrize.ParametrizationModule;

namespace Parametrize.Bench.Cases;

/// <summary>One of the maps onto matrices with orthonormal columns, without a base, forward and backward.</summary>
internal sealed class MapCase
{
    public static readonly (OrthogonalMap Map, Func<Tensor, Tensor> Reference)[] Maps =
    [
        (OrthogonalMap.MatrixExp, PyTorch.MatrixExp),
        (OrthogonalMap.Cayley, PyTorch.Cayley),
        (OrthogonalMap.Householder, PyTorch.Householder),
    ];

    private readonly OrthogonalMap _map;
    private readonly Func<Tensor, Tensor> _reference;
    private readonly Parametrization _value;
    private readonly Parameter _parameter;
    private readonly Parts _parts;
    private readonly Tensor _gradient;
    private readonly Tensor _square;

    private MapCase(OrthogonalMap map, Func<Tensor, Tensor> reference, int rows, int columns)
    {
        (_map, _reference, Rows, Columns) = (map, reference, rows, columns);
        _value = Parametrizations.Orthogonal(map, trivialized: false);
        // A skew matrix of these entries has a spectral norm of about 2.
        _parameter = nn.Parameter(randn(rows, columns) / Math.Sqrt(rows));
        _parts = Core.ofTensors([_parameter], [], _value);
        _gradient = randn(rows, columns);
        _square = randn(columns, columns);
    }

    public int Rows { get; }

    public int Columns { get; }

    public string Map => _map.ToString();

    public string Shape => $"{Rows} x {Columns}";

    /// <summary>
    /// The products that the mathematics needs, backward included, two for each one forward; a triangular solve counts
    /// half. Five products are a polynomial of degree 18; an inverse has its two in backward only. Null where the map
    /// of a tall matrix needs less than products of squares.
    /// </summary>
    public double? Products =>
        _map.IsHouseholder ? 3 * 2.5
        : Rows > Columns ? null
        : _map.IsCayley ? 3
        : 3 * 5;

    public static IEnumerable<MapCase> All() =>
        from map in Maps
        from shape in new[] { (16, 16), (64, 64), (128, 128), (256, 256), (256, 64) }
        select new MapCase(map.Map, map.Reference, shape.Item1, shape.Item2);

    public override string ToString() => $"{Map} {Shape}";

    public void Ours() => Run(() => Core.forward(_value, _parts));

    public void Reference() => Run(() => _reference(_parameter));

    /// <summary>The unit of work: a product of a matrix of this shape and a square one.</summary>
    public void Product() => _gradient.mm(_square).Dispose();

    private void Run(Func<Tensor> forward)
    {
        using var _ = NewDisposeScope();
        forward().backward([_gradient]);
    }
}

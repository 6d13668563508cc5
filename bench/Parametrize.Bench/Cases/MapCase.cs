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

    private MapCase(OrthogonalMap map, Func<Tensor, Tensor> reference, int rows, int columns, string device)
    {
        (_map, _reference, Rows, Columns) = (map, reference, rows, columns);
        _value = Parametrizations.Orthogonal(map, trivialized: false);
        // A skew matrix of these entries has a spectral norm of about 2.
        _parameter = nn.Parameter(randn(rows, columns, device: device) / Math.Sqrt(rows));
        _parts = Core.ofTensors([_parameter], [], _value);
        _gradient = randn(rows, columns, device: device);
        _square = randn(columns, columns, device: device);
    }

    public int Rows { get; }

    public int Columns { get; }

    public string Map => _map.ToString();

    public string Shape => $"{Rows} x {Columns}";

    /// <summary>
    /// The products that the mathematics needs, backward included, two for each one forward; a triangular solve counts
    /// half. Five products are a polynomial of degree 18; an inverse has its two in backward only; half the entries of the
    /// reflectors of a square matrix are zeros, which leaves two thirds of a product. Null where the map of a tall matrix
    /// needs less than products of squares.
    /// </summary>
    public double? Products =>
        _map.IsHouseholder ? (Rows > Columns ? 3 * 2.5 : 3 * 2.0 / 3)
        : Rows > Columns ? null
        : _map.IsCayley ? 3
        : 3 * 5;

    /// <summary>Square matrices of these sizes, and tall ones.</summary>
    public static IEnumerable<MapCase> All(IEnumerable<int> sizes, string device) =>
        from map in Maps
        from shape in sizes.Select(size => (size, size)).Concat([(256, 64), (1024, 64)])
        select new MapCase(map.Map, map.Reference, shape.Item1, shape.Item2, device);

    public override string ToString() => $"{Map} {Shape}";

    /// <summary>Computes, and keeps what backward needs until the result is disposed.</summary>
    public Tensor Forward(bool isReference) => isReference ? _reference(_parameter) : Core.forward(_value, _parts);

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

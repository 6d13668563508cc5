using Parametrize.Bench.Formulas;
using Parametrize.CSharp;
using static TorchSharp.torch;
using Core = Parametrize.ParametrizationModule;

namespace Parametrize.Bench.Cases;

/// <summary>A set of square matrices by factors, ours and geotorch's, forward and backward.</summary>
internal sealed class FactoredCase
{
    private const int Size = 256;

    private readonly string _name;
    private readonly Parametrization _value;
    private readonly Parts _parts;
    private readonly Func<Tensor, Tensor> _formula;

    // Skew matrices of these entries have a spectral norm of about 2.
    private readonly Tensor _parameter = nn.Parameter(randn(Size, Size) / Math.Sqrt(Size));
    private readonly Tensor _gradient = randn(Size, Size);

    private FactoredCase(string name, Parametrization value, Func<Tensor, Tensor> formula)
    {
        (_name, _value, _formula) = (name, value, formula);
        using var first = value.Sample([Size, Size]);
        _parts = Core.initialize(value, first).ResultValue;
    }

    public static IEnumerable<FactoredCase> All()
    {
        const int Rank = Size / 4;
        var (left, right) = (linalg.qr(randn(Size, Size)).Q, linalg.qr(randn(Size, Size)).Q);
        return
        [
            new("positive definite", Parametrizations.Spd(), x => Geotorch.PositiveDefinite(x, left)),
            new("of rank n / 4 at most", Parametrizations.LowRank(Rank), x => Geotorch.LowRank(x, left, right, Rank)),
            new("invertible", Parametrizations.Invertible, x => Geotorch.Invertible(x, left, right)),
        ];
    }

    public override string ToString() => $"{_name}: {_value}, n = {Size}";

    public void Ours() => Run(() => Core.forward(_value, _parts));

    public void Formula() => Run(() => _formula(_parameter));

    private void Run(Func<Tensor> forward)
    {
        using var _ = NewDisposeScope();
        forward().backward([_gradient]);
    }
}

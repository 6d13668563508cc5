using Parametrize.CSharp;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Parametrize.Bench.Cases;

/// <summary>Registering on a large layer, and what the mathematics of it takes by a plain formula.</summary>
internal sealed class RegisterCase
{
    private const int Size = 1024;

    private readonly string _name;
    private readonly Parametrization _value;
    private readonly Action<Tensor> _formula;
    private readonly Linear _layer = nn.Linear(Size, Size);
    private readonly Tensor _start;

    private RegisterCase(string name, Parametrization value, Action<Tensor> formula, Func<Tensor, Tensor>? start = null)
    {
        (_name, _value, _formula) = (name, value, formula);
        using var _ = no_grad();
        _start = start is null ? _layer.weight!.clone() : start(_layer.weight!);
    }

    public static IEnumerable<RegisterCase> All()
    {
        var exponential = Parametrizations.Orthogonal(OrthogonalMap.MatrixExp, trivialized: false);
        yield return new("spectral norm; 15 power iterations", Parametrizations.SpectralNorm(), PowerIterations);
        yield return new("exponential without a base; one QR", exponential, Factor);
        yield return new("the same, of a rotation", exponential, Factor, Rotation);
        yield return new("orthogonal; one QR", Parametrizations.Orthogonal(), Factor);
    }

    public override string ToString() => _name;

    /// <summary>Registers on the same numbers each time, and takes away what was registered.</summary>
    public void Register()
    {
        using (no_grad())
            _layer.weight!.copy_(_start);
        _layer.register_parametrization("weight", _value);
        _layer.remove_parametrizations("weight", leave_parametrized: false);
    }

    public void Formula()
    {
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        _formula(_start);
    }

    /// <summary>As PyTorch's spectral norm starts.</summary>
    private static void PowerIterations(Tensor weight)
    {
        var v = nn.functional.normalize(randn(Size), dim: 0);
        for (var iteration = 0; iteration < 15; iteration++)
        {
            var u = nn.functional.normalize(mv(weight, v), dim: 0);
            v = nn.functional.normalize(mv(weight.mT, u), dim: 0);
        }
    }

    private static void Factor(Tensor weight) => linalg.qr(weight);

    private static Tensor Rotation(Tensor weight)
    {
        using var scope = NewDisposeScope();
        return matrix_exp(weight - weight.mT).MoveToOuterDisposeScope();
    }
}

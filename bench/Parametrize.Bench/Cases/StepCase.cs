using Parametrize.Bench.Formulas;
using Parametrize.CSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using Core = Parametrize.ParametrizationModule;

namespace Parametrize.Bench.Cases;

/// <summary>
/// A training step, call and backward, of a linear layer whose weight is computed in three ways: by a formula in the
/// layer, by the core in the layer, and by registering.
/// </summary>
internal sealed class StepCase
{
    public const int Size = 16;

    private readonly Parametrization _value;
    private readonly Tensor _inputs = randn(Size, Size);
    private readonly nn.Module<Tensor, Tensor> _byHand;
    private readonly nn.Module<Tensor, Tensor> _byCore;
    private readonly nn.Module<Tensor, Tensor> _registered;

    private StepCase(Parametrization value, Func<Tensor> byHand)
    {
        _value = value;
        _byHand = new HandWrittenLinear(Size, byHand);
        var parts = Core.initializeNearest(value, randn(Size, Size) * 0.1).ResultValue;
        _byCore = new HandWrittenLinear(Size, () => Compute(parts));
        _registered = nn.Linear(Size, Size).register_parametrization("weight", value);
    }

    public static IEnumerable<StepCase> All()
    {
        static Parameter NewWeight() => nn.Parameter(randn(Size, Size) * 0.1);

        var (symmetric, positive, skew, spectral) = (NewWeight(), NewWeight(), NewWeight(), NewWeight());
        var (bounded, standardized) = (NewWeight(), NewWeight());
        var (magnitude, direction) = (nn.Parameter(rand(Size, 1)), NewWeight());
        var (u, v, @base) = (randn(Size), nn.functional.normalize(randn(Size), dim: 0), eye(Size));
        return
        [
            new(Parametrizations.Identity, () => symmetric),
            new(Parametrizations.Symmetric, () => ByHand.Symmetric(symmetric)),
            new(Parametrizations.Positive, () => nn.functional.softplus(positive)),
            new(Parametrizations.Bounded(-1, 1), () => bounded.sigmoid() * 2 - 1),
            new(Parametrizations.WeightStandardized(), () => ByHand.WeightStandardized(standardized)),
            new(Parametrizations.WeightNorm(), () => ByHand.WeightNorm(magnitude, direction)),
            new(Parametrizations.SpectralNorm(), () => ByHand.SpectralNorm(spectral, u, v)),
            new(Parametrizations.Skew.Then(Parametrizations.Cayley()), () => ByHand.Cayley(ByHand.Skew(skew), @base)),
        ];
    }

    public override string ToString() => _value.ToString();

    public void StepByHand() => Step(_byHand);

    public void StepByCore() => Step(_byCore);

    public void StepRegistered() => Step(_registered);

    private Tensor Compute(Parts parts) =>
        Core.forward(_value, Core.learns(_value) ? Core.advance(_value, parts) : parts);

    private void Step(nn.Module<Tensor, Tensor> layer)
    {
        using var _ = NewDisposeScope();
        layer.call(_inputs).sum().backward();
    }
}

using Parametrize;
using Parametrize.CSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Showcase.Lipschitz;

/// <summary>A classifier of linear layers, with a bound of how much its outputs can change.</summary>
internal sealed class RobustNet : nn.Module<Tensor, Tensor>
{
    private const int Pixels = 64;
    private const int Hidden = 128;
    private const int Classes = 10;

    private readonly Sequential layers = nn.Sequential(
        ("first", nn.Linear(Pixels, Hidden)),
        ("sort1", new MaxMin()),
        ("second", nn.Linear(Hidden, Hidden)),
        ("sort2", new MaxMin()),
        ("last", nn.Linear(Hidden, Classes))
    );

    /// <param name="value">What all weights are computed by.</param>
    public RobustNet(Parametrization value)
        : base(nameof(RobustNet))
    {
        RegisterComponents();
        this.register_parametrizations<Linear>("weight", value);
    }

    public override Tensor forward(Tensor pixels) => layers.forward(pixels);

    /// <summary>The product of the spectral norms of the weights: outputs move by at most so much as the pixels, times this.</summary>
    public double Bound()
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        return this.parametrizations()
            .Select(entry => linalg.matrix_norm(entry.tensor.Value.to(float64), 2).item<double>())
            .Aggregate((a, b) => a * b);
    }
}

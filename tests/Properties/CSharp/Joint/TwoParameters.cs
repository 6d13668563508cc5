using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Properties.CSharp.Joint;

/// <summary>Two parameters, a and b.</summary>
internal sealed class TwoParameters : nn.Module<Tensor, Tensor>
{
    public readonly Parameter a;
    public readonly Parameter b;

    public TwoParameters(Tensor first, Tensor second)
        : base(nameof(TwoParameters))
    {
        (a, b) = (nn.Parameter(first), nn.Parameter(second));
        RegisterComponents();
    }

    public override Tensor forward(Tensor input) => input;
}

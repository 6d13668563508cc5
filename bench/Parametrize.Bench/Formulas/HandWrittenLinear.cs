using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Parametrize.Bench.Formulas;

/// <summary>What one writes without the library: a linear layer that computes its weight.</summary>
internal sealed class HandWrittenLinear : nn.Module<Tensor, Tensor>
{
    private readonly Func<Tensor> _weight;
    private readonly Parameter _bias;

    public HandWrittenLinear(int size, Func<Tensor> weight, Parameter? trained = null)
        : base(nameof(HandWrittenLinear))
    {
        _weight = weight;
        _bias = nn.Parameter(zeros(size));
        if (trained is not null)
            register_parameter("original", trained);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x) => nn.functional.linear(x, _weight(), _bias);
}

using Parametrize;
using Parametrize.CSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Properties.CSharp.Models;

/// <summary>A small model with layers of several classes, a list, and a tensor that it constrains itself.</summary>
internal sealed class Net : nn.Module<Tensor, Tensor>
{
    public readonly Linear first = nn.Linear(4, 4);
    public readonly ModuleList<Linear> blocks = nn.ModuleList(nn.Linear(4, 4), nn.Linear(4, 4));
    public readonly LayerNorm norm = nn.LayerNorm(4);
    public readonly ParametrizedTensor kernel;

    public Net(Parametrization? own = null, bool registered = true)
        : base(nameof(Net))
    {
        kernel = new(own ?? Parametrizations.Symmetric, randn(4, 4));
        if (registered)
            RegisterComponents();
    }

    public override Tensor forward(Tensor input)
    {
        using var w = kernel.Value;
        var x = first.call(input);
        foreach (var block in blocks)
            x = block.call(x).tanh();
        return norm.call(x).matmul(w);
    }
}

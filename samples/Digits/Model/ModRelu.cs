using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Digits.Model;

/// <summary>
/// Changes the length of an entry and keeps its sign: `sign(x) relu(|x| + b)` with a trained b (Arjovsky, Shah and Bengio,
/// Unitary evolution recurrent neural networks, 2016).
/// </summary>
public sealed class ModRelu : nn.Module<Tensor, Tensor>
{
    private readonly Parameter bias;

    public ModRelu(int size)
        : base(nameof(ModRelu))
    {
        bias = nn.Parameter(empty(size));
        nn.init.uniform_(bias, -0.01, 0.01);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        using var scope = NewDisposeScope();
        var length = (x.abs() + bias).relu();
        return (x.detach().sign() * length).MoveToOuterDisposeScope();
    }
}

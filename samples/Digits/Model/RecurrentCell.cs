using Parametrize;
using Parametrize.CSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Digits.Model;

/// <summary>
/// Reads a sequence of numbers into a hidden state, `h = modReLU(W h + u x)`, where W, the kernel, is whatever its
/// parametrization makes of its parameters.
/// </summary>
public sealed class RecurrentCell : nn.Module<Tensor, Tensor>
{
    // RegisterComponents finds the fields: the kernel's parameters are trained, saved and moved with the others.
    private readonly ParametrizedTensor kernel;
    private readonly Parameter input;
    private readonly ModRelu activation;

    public RecurrentCell(int hidden, Parametrization parametrization)
        : base(nameof(RecurrentCell))
    {
        using var start = Torus.Sample(hidden);
        kernel = new ParametrizedTensor(parametrization, start);
        input = nn.Parameter(randn(hidden));
        activation = new ModRelu(hidden);
        RegisterComponents();
    }

    /// <summary>The recurrent kernel, `Kernel.Value` its matrix.</summary>
    public ParametrizedTensor Kernel => kernel;

    /// <summary>The state after the last number.</summary>
    /// <param name="sequences">Sequence by position.</param>
    public override Tensor forward(Tensor sequences)
    {
        using var scope = NewDisposeScope();
        // Reading the value computes the matrix: here once for all positions, which is what makes the maps cheap.
        var transposed = kernel.Value.mT;
        var inputs = (sequences.mT.unsqueeze(-1) * input).unbind(0);
        var state = activation.call(inputs[0]);
        foreach (var next in inputs[1..])
            state = activation.call(addmm(next, state, transposed, beta: 1, alpha: 1));
        return state.MoveToOuterDisposeScope();
    }
}

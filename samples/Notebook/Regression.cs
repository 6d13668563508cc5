using TorchSharp;
using static TorchSharp.torch;

namespace Notebook;

/// <summary>Targets of a random function, for a module to fit.</summary>
internal sealed class Regression(nn.Module<Tensor, Tensor> module, Tensor inputs)
{
    private readonly Tensor _targets = randn_like(module.call(inputs).detach());

    public double Loss()
    {
        using var _ = NewDisposeScope();
        return Compute().ToDouble();
    }

    /// <summary>Trains for some steps.</summary>
    /// <returns>The loss after them, as a share of that before.</returns>
    public double Train(optim.Optimizer optimizer, int steps)
    {
        var before = Loss();
        for (var step = 0; step < steps; step++)
        {
            using var _ = NewDisposeScope();
            optimizer.zero_grad();
            Compute().backward();
            optimizer.step();
        }
        return Loss() / before;
    }

    private Tensor Compute() => nn.functional.mse_loss(module.call(inputs), _targets);
}

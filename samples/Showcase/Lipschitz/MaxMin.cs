using static TorchSharp.torch;

namespace Showcase.Lipschitz;

/// <summary>
/// Sorts pairs of numbers, which enlarges no distance and keeps the norm of every gradient (Anil, Lucas and Grosse, Sorting out
/// Lipschitz function approximation, 2019).
/// </summary>
internal sealed class MaxMin() : nn.Module<Tensor, Tensor>(nameof(MaxMin))
{
    public override Tensor forward(Tensor x)
    {
        using var scope = NewDisposeScope();
        var halves = x.chunk(2, dim: -1);
        return cat([halves[0].maximum(halves[1]), halves[0].minimum(halves[1])], -1).MoveToOuterDisposeScope();
    }
}

using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Showcase.Nets;

/// <summary>A classifier of digits, of three linear layers.</summary>
internal sealed class DenseNet : nn.Module<Tensor, Tensor>
{
    private const int Pixels = 64;
    private const int Classes = 10;

    private readonly Linear first;
    private readonly Linear second;
    private readonly Linear last;

    public DenseNet(int hidden)
        : base(nameof(DenseNet))
    {
        (first, second, last) = (nn.Linear(Pixels, hidden), nn.Linear(hidden, hidden), nn.Linear(hidden, Classes));
        RegisterComponents();
    }

    /// <summary>The names of the weights.</summary>
    public static IReadOnlyList<string> Weights { get; } = ["first.weight", "second.weight", "last.weight"];

    /// <summary>How many numbers it has.</summary>
    public static long Size(long hidden) => hidden * (Pixels + 1) + hidden * (hidden + 1) + Classes * (hidden + 1);

    public override Tensor forward(Tensor pixels)
    {
        using var scope = NewDisposeScope();
        return last.call(second.call(first.call(pixels).relu()).relu()).MoveToOuterDisposeScope();
    }
}

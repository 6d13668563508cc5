using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Showcase.Lora;

/// <summary>Reads an image as a sequence of its eight rows.</summary>
internal sealed class DigitsTransformer : nn.Module<Tensor, Tensor>
{
    private const int Side = 8;
    private const int Width = 48;
    private const int Blocks = 2;
    private const int Classes = 10;

    private readonly Linear embedding;
    private readonly Parameter places;
    private readonly Sequential blocks;
    private readonly LayerNorm norm;
    private readonly Linear head;

    public DigitsTransformer()
        : base(nameof(DigitsTransformer))
    {
        embedding = nn.Linear(Side, Width);
        places = nn.Parameter(randn(Side, Width) * 0.1);
        blocks = nn.Sequential([
            .. Enumerable.Range(0, Blocks).Select(index => ($"{index}", (nn.Module<Tensor, Tensor>)new Block(Width))),
        ]);
        norm = nn.LayerNorm(Width);
        head = nn.Linear(Width, Classes);
        RegisterComponents();
    }

    /// <summary>Image by class: the larger, the likelier.</summary>
    /// <param name="pixels">Image by pixel.</param>
    public override Tensor forward(Tensor pixels)
    {
        using var scope = NewDisposeScope();
        var states = embedding.call(pixels.reshape(-1, Side, Side)) + places;
        var read = norm.call(blocks.call(states)).mean([1L]);
        return head.call(read).MoveToOuterDisposeScope();
    }
}

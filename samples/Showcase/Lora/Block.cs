using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Showcase.Lora;

/// <summary>Attention, then two linear layers, each added to what it reads and normalised before.</summary>
internal sealed class Block : nn.Module<Tensor, Tensor>
{
    private const int Heads = 4;

    private readonly LayerNorm before;
    private readonly LayerNorm between;
    private readonly Linear query;
    private readonly Linear key;
    private readonly Linear value;
    private readonly Linear output;
    private readonly Linear up;
    private readonly Linear down;

    public Block(int width)
        : base(nameof(Block))
    {
        (before, between) = (nn.LayerNorm(width), nn.LayerNorm(width));
        (query, key, value) = (nn.Linear(width, width), nn.Linear(width, width), nn.Linear(width, width));
        output = nn.Linear(width, width);
        (up, down) = (nn.Linear(width, 2 * width), nn.Linear(2 * width, width));
        RegisterComponents();
    }

    /// <param name="states">Sequence by place by number.</param>
    public override Tensor forward(Tensor states)
    {
        using var scope = NewDisposeScope();
        var x = before.call(states);
        var attended = nn.functional.scaled_dot_product_attention(
            Split(query.call(x)),
            Split(key.call(x)),
            Split(value.call(x))
        );
        states = states + output.call(attended.transpose(1, 2).flatten(2));
        states = states + down.call(nn.functional.gelu(up.call(between.call(states))));
        return states.MoveToOuterDisposeScope();
    }

    /// <summary>Sequence by head by place by number.</summary>
    private static Tensor Split(Tensor x) => x.unflatten(2, Heads, x.shape[^1] / Heads).transpose(1, 2);
}

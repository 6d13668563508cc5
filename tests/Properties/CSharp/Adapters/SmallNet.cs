using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Properties.CSharp.Adapters;

/// <summary>A model with each kind of layer that PEFT's files know, and a head.</summary>
internal sealed class SmallNet : nn.Module<Tensor, Tensor>
{
    public readonly Embedding words = nn.Embedding(7, 4);
    public readonly Conv1d mix = nn.Conv1d(4, 6, 3, padding: 1);
    public readonly Block block = new();
    public readonly Linear head = nn.Linear(6, 2);

    public SmallNet()
        : base(nameof(SmallNet)) => RegisterComponents();

    public override Tensor forward(Tensor tokens) =>
        head.call(block.call(mix.call(words.call(tokens).transpose(1, 2)).transpose(1, 2)).mean([1]));

    internal sealed class Block : nn.Module<Tensor, Tensor>
    {
        public readonly Linear query = nn.Linear(6, 5);
        public readonly Linear value = nn.Linear(5, 6, hasBias: false);

        public Block()
            : base(nameof(Block)) => RegisterComponents();

        public override Tensor forward(Tensor x) => value.call(query.call(x).relu());
    }

    public static Tensor Tokens() => tensor(new long[] { 0, 3, 6, 1, 2, 5 }).reshape(2, 3);
}

using Parametrize;
using Parametrize.CSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Properties.CSharp;

/// <summary>A way to prune several weights up to a share, each of its own or all together.</summary>
/// <param name="Channels">The dimension whose channels count, or null for entries.</param>
internal sealed record PruningWay(string Name, int? Channels, bool Together, Action<Sequential, Amount> Prune)
{
    public static readonly PruningWay[] Every =
    [
        new("l1", null, false, Each((m, amount) => m.l1_unstructured("weight", amount))),
        new("up_to", null, false, Each((m, amount) => m.up_to("weight", ((Amount.UpTo)amount).share))),
        new("random", null, false, Each((m, amount) => m.random_unstructured("weight", amount))),
        new("random, seed", null, false, Each((m, amount) => m.random_unstructured("weight", amount, 3))),
        new("scores", null, false, Each((m, amount) => Scored(m, by => m.l1_unstructured("weight", amount, by)))),
        new("ln", 0, false, Each((m, amount) => m.ln_structured("weight", amount, 2, 0))),
        new("ln, last", 1, false, Each((m, amount) => m.ln_structured("weight", amount, double.PositiveInfinity, -1))),
        new("ln, scores", 0, false, Each((m, amount) => Scored(m, by => m.ln_structured("weight", amount, 1, 0, by)))),
        new("random channels", 1, false, Each((m, amount) => m.random_structured("weight", amount, 1))),
        new("random channels, seed", 0, false, Each((m, amount) => m.random_structured("weight", amount, 0, 5))),
        new("global", null, true, (model, amount) => prune.global_unstructured(Weights(model), amount)),
        new(
            "global, random",
            null,
            true,
            (model, amount) => prune.global_unstructured(Weights(model), Pruning.NewRandom(amount, 7))
        ),
        new("model", null, false, OnModel(Parametrizations.PrunedL1)),
        new("model, ln", 1, false, OnModel(amount => Parametrizations.PrunedLn(amount, 2, 1))),
        new("model, random", null, false, OnModel(amount => Parametrizations.PrunedRandom(amount, 9))),
        new(
            "model, random channels",
            0,
            false,
            OnModel(amount => Parametrizations.PrunedRandomStructured(amount, 0, 9))
        ),
    ];

    public override string ToString() => Name;

    public long All(Tensor weight) => Channels is { } dim ? weight.shape[dim] : weight.numel();

    public long Pruned(Tensor mask) => Channels is { } dim ? mask.ZeroChannels(dim) : mask.Zeros();

    private static Action<Sequential, Amount> Each(Action<nn.Module, Amount> prune) =>
        (model, amount) =>
        {
            foreach (var layer in model.children())
                prune(layer, amount);
        };

    /// <summary>Scores of one's own, always the same for one shape.</summary>
    private static void Scored(nn.Module layer, Action<Tensor> prune)
    {
        using var original = layer.parameters().Single().detach();
        using var scores = tensor(
            Enumerable.Range(0, (int)original.numel()).Select(i => i * 7 % 5).ToArray(),
            original.shape
        );
        prune(scores);
    }

    private static Action<Sequential, Amount> OnModel(Func<Amount, Parametrization> value) =>
        (model, amount) => model.register_parametrizations<PrunedModules.Weighted>("weight", value(amount));

    private static (nn.Module, string)[] Weights(Sequential model) =>
        [.. model.children().Select(layer => (layer, "weight"))];
}

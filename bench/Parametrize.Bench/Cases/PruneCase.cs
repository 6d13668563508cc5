using Parametrize.CSharp;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Parametrize.Bench.Cases;

/// <summary>Pruning half of a large matrix, and the tensor operations of torch.nn.utils.prune.</summary>
internal sealed class PruneCase
{
    private const int Rows = 20_000;
    private const int Columns = 256;
    private const int Pruned = Rows * Columns / 2;

    private readonly string _name;
    private readonly Action<Linear> _prune;
    private readonly Func<Tensor, Tensor> _maskOf;
    private readonly Linear _layer = nn.Linear(Columns, Rows);

    private PruneCase(string name, Action<Linear> prune, Func<Tensor, Tensor> maskOf) =>
        (_name, _prune, _maskOf) = (name, prune, maskOf);

    public static IEnumerable<PruneCase> All()
    {
        var pattern = rand(Rows, Columns).gt(0.5).to(ScalarType.Float32);
        yield return new("L1 unstructured", layer => layer.l1_unstructured("weight", 0.5), Smallest);
        yield return new("random unstructured", layer => layer.random_unstructured("weight", 0.5), AtRandom);
        yield return new("custom mask", layer => layer.custom_from_mask("weight", pattern), _ => pattern.clone());
        yield return new("L2 structured", layer => layer.ln_structured("weight", 0.5, 2, 0), SmallestRows);
    }

    public override string ToString() => _name;

    public void Ours()
    {
        _prune(_layer);
        _layer.remove_parametrizations("weight", leave_parametrized: false);
    }

    /// <summary>The mask, the product with it, and the parameter beside it.</summary>
    public void PyTorch()
    {
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        var weight = _layer.weight!;
        nn.Parameter(weight * _maskOf(weight).to(weight.dtype)).DetachFromDisposeScope().Dispose();
    }

    private static Tensor Smallest(Tensor weight) => Without(ones_like(weight), weight.abs().view(-1), largest: false);

    private static Tensor AtRandom(Tensor weight) =>
        Without(ones_like(weight), rand_like(weight).view(-1), largest: true);

    private static Tensor SmallestRows(Tensor weight)
    {
        var (_, rows) = weight.norm(1, keepdim: false, p: 2).topk(Rows / 2);
        return zeros_like(weight).index_fill_(0, rows, 1.0);
    }

    private static Tensor Without(Tensor mask, Tensor scores, bool largest)
    {
        var (_, places) = scores.topk(Pruned, largest: largest);
        mask.view(-1).index_fill_(0, places, 0.0);
        return mask;
    }
}

using Parametrize.CSharp.Torch;
using static TorchSharp.torch;

namespace Parametrize.Flows;

/// <summary>Features in another order: the i-th of z is the `order[i]`-th of x.</summary>
public sealed class Permutation : FlowLayer
{
    private const string Order = "order";

    private readonly long _features;
    private Tensor? _checked;
    private long _writes;

    /// <param name="order">Every number from 0 to features - 1 once.</param>
    /// <exception cref="ArgumentException">It is no permutation.</exception>
    public Permutation(params long[] order)
        : base(nameof(Permutation))
    {
        ArgumentNullException.ThrowIfNull(order);
        if (!IsPermutation(order))
            throw new ArgumentException(
                $"Expected every number from 0 to features - 1 once; found {Batches.Shown(order)}.",
                nameof(order)
            );
        _features = order.Length;
        register_buffer(Order, tensor(order).DetachFromDisposeScope());
    }

    /// <summary>Features from the last to the first.</summary>
    public static Permutation Reverse(long features) => new([.. Numbers(features).Reverse()]);

    /// <summary>A random order, the same for the same seed.</summary>
    public static Permutation Random(long features, int seed)
    {
        long[] order = [.. Numbers(features)];
        new Random(seed).Shuffle(order);
        return new(order);
    }

    private static IEnumerable<long> Numbers(long features)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(features);
        return Enumerable.Range(0, checked((int)features)).Select(index => (long)index);
    }

    /// <inheritdoc/>
    public override long[] LatentShape(long[] dataShape) => Features.Require(dataShape, _features, this);

    /// <inheritdoc/>
    public override long[] DataShape(long[] latentShape) => Features.Require(latentShape, _features, this);

    /// <summary>The space stays the same if it is closed under permutations of the entries of a vector.</summary>
    internal override Reached After(Reached before) =>
        before is Reached.Of some && TreeModule.space(some.Value.Tree).IsClosedUnder(Closure.Reordering)
            ? before
            : base.After(before);

    /// <inheritdoc/>
    protected override (Tensor Latent, Tensor LogDet) Map(Tensor data, Tensor? context) =>
        (data.index_select(1, Checked()), Batches.Zeros(data));

    /// <inheritdoc/>
    protected override Tensor MapBack(Tensor latent, Tensor? context) => latent.index_select(1, Checked().argsort());

    /// <summary>The order. It is checked again after a state was loaded.</summary>
    /// <exception cref="InvalidOperationException">It is no permutation.</exception>
    private Tensor Checked()
    {
        var order = get_buffer(Order)!;
        var writes = Versions.Of([order]);
        if (ReferenceEquals(order, _checked) && writes == _writes)
            return order;
        if (!IsPermutation(Read(order)))
            throw new InvalidOperationException(
                $"{this} was loaded, which is no permutation of {_features} features: load the state of a Permutation of as many."
            );
        (_checked, _writes) = (order, writes);
        return order;
    }

    private static long[] Read(Tensor order)
    {
        using var here = order.cpu();
        return here.data<long>().ToArray();
    }

    private static bool IsPermutation(long[] order) =>
        order.Length > 0 && order.Order().SequenceEqual(Enumerable.Range(0, order.Length).Select(i => (long)i));

    /// <inheritdoc/>
    public override string ToString() => $"Permutation({string.Join(", ", Read(get_buffer(Order)!))})";
}

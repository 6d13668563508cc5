using static TorchSharp.torch;

namespace Parametrize.Flows;

/// <summary>The same numbers in another shape, such as an image as a vector.</summary>
public sealed class Reshape : FlowLayer
{
    private readonly long[] _data;
    private readonly long[] _latent;

    /// <param name="data">The shape of a datum.</param>
    /// <param name="latent">The shape of its latent tensor, of as many numbers.</param>
    /// <exception cref="ArgumentException">The shapes have different numbers of entries.</exception>
    public Reshape(long[] data, long[] latent)
        : base(nameof(Reshape))
    {
        (_data, _latent) = (Densities.Checked(data), Densities.Checked(latent));
        if (Batches.Count(data) != Batches.Count(latent))
            throw new ArgumentException(
                $"Expected as many numbers as {Batches.Shown(data)} has, {Batches.Count(data)}; {Batches.Shown(latent)} has {Batches.Count(latent)}.",
                nameof(latent)
            );
    }

    /// <inheritdoc/>
    public override long[] LatentShape(long[] dataShape) => Expect(dataShape, _data, _latent);

    /// <inheritdoc/>
    public override long[] DataShape(long[] latentShape) => Expect(latentShape, _latent, _data);

    private long[] Expect(long[] found, long[] expected, long[] other) =>
        found.SequenceEqual(expected)
            ? other
            : throw new ArgumentException($"{this}: expected {Batches.Shown(expected)}; found {Batches.Shown(found)}.");

    /// <summary>The space stays the same if it is a condition on each entry.</summary>
    internal override Reached After(Reached before) =>
        before is Reached.Of some && some.Value.Program.IsEntrywise ? before : base.After(before);

    /// <inheritdoc/>
    protected override (Tensor Latent, Tensor LogDet) Map(Tensor data, Tensor? context) =>
        (data.reshape([data.shape[0], .. _latent]), Batches.Zeros(data));

    /// <inheritdoc/>
    protected override Tensor MapBack(Tensor latent, Tensor? context) => latent.reshape([latent.shape[0], .. _data]);

    /// <inheritdoc/>
    public override string ToString() => $"Reshape({Batches.Shown(_data)}, {Batches.Shown(_latent)})";
}

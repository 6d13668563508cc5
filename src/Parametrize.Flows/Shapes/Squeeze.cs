using static TorchSharp.torch;

namespace Parametrize.Flows;

/// <summary>
/// Each square of `factor x factor` pixels becomes one pixel of `factor^2` times the channels (real NVP: Dinh et al. 2017).
/// </summary>
public sealed class Squeeze : FlowLayer
{
    private readonly long _factor;

    /// <param name="factor">The side of the squares, at least 2.</param>
    public Squeeze(long factor = 2)
        : base(nameof(Squeeze))
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(factor, 2);
        _factor = factor;
    }

    /// <inheritdoc/>
    public override long[] LatentShape(long[] dataShape) =>
        dataShape is [var channels, var height, var width] && height % _factor == 0 && width % _factor == 0
            ? [channels * _factor * _factor, height / _factor, width / _factor]
            : throw new ArgumentException(
                $"{this} takes images [channels, height, width] whose sides are multiples of {_factor}; found {Batches.Shown(dataShape)}."
            );

    /// <inheritdoc/>
    public override long[] DataShape(long[] latentShape) =>
        latentShape is [var channels, var height, var width] && channels % (_factor * _factor) == 0
            ? [channels / (_factor * _factor), height * _factor, width * _factor]
            : throw new ArgumentException(
                $"{this} yields images whose channels are a multiple of {_factor * _factor}; found {Batches.Shown(latentShape)}."
            );

    /// <summary>The space stays the same if it is a condition on each entry.</summary>
    internal override Reached After(Reached before) =>
        before is Reached.Of some && some.Value.Program.IsEntrywise ? before : base.After(before);

    // libtorch leaves the shape of an empty batch as it is.
    /// <inheritdoc/>
    protected override (Tensor Latent, Tensor LogDet) Map(Tensor data, Tensor? context) =>
        (
            nn.functional.pixel_unshuffle(data, _factor).reshape([data.size(0), .. LatentShape(data.shape[1..])]),
            Batches.Zeros(data)
        );

    /// <inheritdoc/>
    protected override Tensor MapBack(Tensor latent, Tensor? context) =>
        nn.functional.pixel_shuffle(latent, _factor).reshape([latent.size(0), .. DataShape(latent.shape[1..])]);

    /// <inheritdoc/>
    public override string ToString() => $"Squeeze({_factor})";
}

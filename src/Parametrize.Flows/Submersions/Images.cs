using static TorchSharp.torch;

namespace Parametrize.Flows;

/// <summary>Data that have to be in the image of a map.</summary>
internal static class Images
{
    /// <summary>How far rounding moves a datum from the image, in roundoffs of its largest number.</summary>
    public const double Roundoffs = 256;

    /// <summary>`found` for data of the image; for others, this number without a gradient.</summary>
    public static Tensor OrElse(Tensor found, Tensor logDensity, double number)
    {
        return found.masked_fill(ForEach(logDensity.isneginf(), found), number.AsScalar());
    }

    /// <summary>Numbers for each datum, `[N]`, in a shape that broadcasts with a batch.</summary>
    public static Tensor ForEach(Tensor told, Tensor batch) =>
        told.reshape([batch.shape[0], .. batch.shape[1..].Select(_ => 1L)]);

    /// <summary>The log density of data that are in the image, -inf for others and for those that are not finite.</summary>
    /// <param name="data">`[N, ...]`.</param>
    /// <param name="image">The datum of the image that was found for each.</param>
    /// <param name="logDensity">`[N]`.</param>
    /// <param name="onTheWay">The largest number that was added on the way to the image: its digits are rounded, too.</param>
    public static Tensor LogDensity(Tensor data, Tensor image, Tensor logDensity, double onTheWay = 0)
    {
        var (rows, nearest) = (data.detach().flatten(1), image.detach().flatten(1));
        var largest = rows.abs().amax([1L]).clamp_min(onTheWay.AsScalar());
        var limit = largest * (Roundoffs * FormModule.epsilon(data.dtype)).AsScalar();
        var isInside = (rows - nearest).abs().amax([1L]).le(limit);
        return where(isInside, logDensity, full_like(logDensity, double.NegativeInfinity.AsScalar()));
    }
}

using static TorchSharp.torch;

namespace Parametrize.Flows;

/// <summary>Checks and arranges the context, on which a density depends besides the data.</summary>
internal static class Contexts
{
    /// <summary>
    /// One row for each datum; `[1, size]` is the same row for all. Refuses a context that nothing reads, and one of another number
    /// of rows.
    /// </summary>
    public static Tensor? Rows(Tensor? context, long count, bool isRead, object owner)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        if (context is null)
            return null;
        var shape = context.shape;
        if (!isRead)
            throw new ArgumentException(
                $"Nothing in {owner} reads a context; found {Batches.Shown(shape)}. Give `contextSize: {shape.LastOrDefault(1)}` to a Coupling or an Autoregressive; a layer of your own says by ReadsContext that it reads one.",
                nameof(context)
            );
        if (context.is_complex())
            throw new ArgumentException(
                $"The context of {owner} takes real numbers; found {context.dtype}. Give real and imaginary parts as columns.",
                nameof(context)
            );
        if (shape.Length < 2 || shape[0] != count && shape[0] != 1)
            throw new ArgumentException(
                $"Expected a context [{count}, size], one row for each datum, or [1, size]; found {Batches.Shown(shape)}."
                    + (shape.Length < 2 ? " Labels become rows by nn.functional.one_hot." : ""),
                nameof(context)
            );
        return shape[0] == count ? context : context.expand([count, .. shape[1..]]);
    }

    /// <summary>The option of a layer's text.</summary>
    public static string Shown(long size) => size > 0 ? $", contextSize = {size}" : "";

    /// <summary>Refuses a missing context and one of another size.</summary>
    public static void RequireSize(Tensor? context, long size, object owner)
    {
        if (context is null || context.shape[1] != size)
            throw new ArgumentException(
                $"{owner} takes a context [N, {size}]; found {(context is null ? "none" : Batches.Shown(context.shape))}.",
                nameof(context)
            );
    }

    /// <summary>The context beside the features of each datum, at every position of an image.</summary>
    public static Tensor Beside(Tensor data, Tensor? context)
    {
        if (context is null)
            return data;
        long[] positions = data.shape[2..];
        if (context.dim() != 2 && !context.shape.AsSpan(2).SequenceEqual(positions))
            throw new ArgumentException(
                $"Expected a context [N, size] or, with a row for each position of the data, [N, size{string.Concat(positions.Select(size => $", {size}"))}]; found {Batches.Shown(context.shape)}.",
                nameof(context)
            );
        if (context.dim() == 2)
            context = context.reshape([.. context.shape, .. positions.Select(_ => 1L)]);
        return cat([data, context.expand([.. context.shape[..2], .. positions])], 1);
    }
}

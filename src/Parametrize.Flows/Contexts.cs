using static TorchSharp.torch;

namespace Parametrize.Flows;

/// <summary>What densities depend on besides.</summary>
internal static class Contexts
{
    /// <summary>One row for each sample.</summary>
    public static Tensor? Rows(Tensor? context, long count)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        if (context is null)
            return null;
        if (context.dim() < 2 || context.shape[0] != count && context.shape[0] != 1)
            throw new ArgumentException(
                $"Expected a context [{count}, size] or [1, size]; found {Batches.Shown(context.shape)}.",
                nameof(context)
            );
        return context.shape[0] == count ? context : context.expand([count, .. context.shape[1..]]);
    }

    /// <summary>Refuses a missing context, one of another size, and one that nobody asked for.</summary>
    public static void Require(Tensor? context, long size, string owner)
    {
        if (size == 0 ? context is not null : context is null || context.shape[1] != size)
            throw new ArgumentException(
                $"{owner} "
                    + (size == 0 ? "depends on no context" : $"takes a context [N, {size}]")
                    + $"; found {(context is null ? "none" : Batches.Shown(context.shape))}.",
                nameof(context)
            );
    }

    /// <summary>The context beside the features of each datum, at every position of an image.</summary>
    public static Tensor Beside(Tensor data, Tensor? context)
    {
        if (context is null)
            return data;
        long[] positions = data.shape[2..];
        if (context.dim() == 2)
            context = context.reshape([.. context.shape, .. positions.Select(_ => 1L)]);
        return cat([data, context.to_type(data.dtype).expand([.. context.shape[..2], .. positions])], 1);
    }
}

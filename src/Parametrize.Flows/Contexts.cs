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

    /// <summary>Refuses a context that nothing reads, and one that is not a row for each datum.</summary>
    public static void Require(Tensor? context, Tensor data, bool isRead, object owner)
    {
        RequireRead(context, isRead, owner);
        if (context is not null && (context.dim() < 2 || context.shape[0] != data.shape[0]))
            throw new ArgumentException(
                $"Expected a context [{data.shape[0]}, size], one row for each datum; found {Batches.Shown(context.shape)}. Labels become rows by nn.functional.one_hot.",
                nameof(context)
            );
    }

    /// <summary>Refuses a context that nothing reads.</summary>
    public static void RequireRead(Tensor? context, bool isRead, object owner)
    {
        if (context is not null && !isRead)
            throw new ArgumentException(
                $"Nothing in {owner} reads a context; found {Batches.Shown(context.shape)}. Give `contextSize: {context.shape[^1]}` to a Coupling or an Autoregressive; a layer of your own says by ReadsContext that it reads one.",
                nameof(context)
            );
    }

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
        if (context.dim() == 2)
            context = context.reshape([.. context.shape, .. positions.Select(_ => 1L)]);
        return cat([data, context.to_type(data.dtype).expand([.. context.shape[..2], .. positions])], 1);
    }
}

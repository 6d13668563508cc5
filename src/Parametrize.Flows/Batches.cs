using static TorchSharp.torch;

namespace Parametrize.Flows;

/// <summary>Tensors whose first dimension counts data.</summary>
internal static class Batches
{
    public static string Shown(long[] shape) => $"[{string.Join(", ", shape)}]";

    /// <summary>How many numbers a tensor of that shape has.</summary>
    public static long Count(long[] shape) => shape.Aggregate(1L, (product, size) => product * size);

    /// <summary>The shape of one datum.</summary>
    public static long[] DatumShape(Tensor batch, string parameter)
    {
        ArgumentNullException.ThrowIfNull(batch, parameter);
        if (batch.dim() < 2)
            throw new ArgumentException(
                $"Expected a batch, whose first dimension counts the data, as [N, features]; found {Shown(batch.shape)}. For one datum use unsqueeze(0).",
                parameter
            );
        return batch.shape[1..];
    }

    /// <summary>Refuses a batch of data of another shape.</summary>
    /// <param name="batch">The batch.</param>
    /// <param name="datum">The expected shape of one datum.</param>
    /// <param name="expects">Who takes or yields such data, with the verb: made into text where it is needed.</param>
    /// <param name="parameter">The argument.</param>
    public static void Require(Tensor batch, long[] datum, FormattableString expects, string parameter)
    {
        if (!DatumShape(batch, parameter).SequenceEqual(datum))
            throw new ArgumentException(
                $"{expects} [N{string.Concat(datum.Select(size => $", {size}"))}]; found {Shown(batch.shape)}.",
                parameter
            );
    }

    /// <summary>Refuses what a part of a user's own yields in another shape than it promises.</summary>
    public static void RequireMade(Tensor? made, long[] expected, FormattableString maker, string what)
    {
        if (made is null || !made.shape.AsSpan().SequenceEqual(expected))
            throw new InvalidOperationException(
                $"{maker} has to yield {what} {Shown(expected)}; found {(made is null ? "null" : Shown(made.shape))}."
            );
    }

    /// <summary>One number for each datum, in float32 for 16-bit data, whose sums could overflow.</summary>
    public static Tensor Sum(Tensor batch)
    {
        batch = batch.to_type(LogType(batch));
        return batch.dim() < 2 ? batch : batch.flatten(1).sum([1L]);
    }

    /// <summary>Zeros, one for each datum.</summary>
    public static Tensor Zeros(Tensor data) => zeros([data.shape[0]], dtype: LogType(data), device: data.device);

    /// <summary>The element type of log densities.</summary>
    private static ScalarType LogType(Tensor data) =>
        data.dtype is ScalarType.Float16 or ScalarType.BFloat16 ? float32 : data.dtype;

    /// <summary>A result in the outer scope that is not the argument itself, which its owner disposes.</summary>
    public static Tensor Own(Tensor result, Tensor argument) =>
        (ReferenceEquals(result, argument) ? result.alias() : result).MoveToOuterDisposeScope();
}

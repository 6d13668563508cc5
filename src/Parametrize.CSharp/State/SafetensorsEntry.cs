namespace Parametrize.CSharp.State;

/// <summary>One tensor in a header. Its data lie from `Begin` up to, but not including, `End`.</summary>
internal sealed record SafetensorsEntry(string Name, SafetensorsDtype Dtype, long[] Shape, long Begin, long End)
{
    /// <summary>
    /// A limit that no real tensor reaches. Without it, a header with many dimensions of size 1 could demand any amount of memory.
    /// </summary>
    public const int MostDimensions = 10_000;

    /// <summary>
    /// How many bytes a tensor takes, the last of which may not be full; null when that, or a stride of the tensor, is no
    /// 64-bit number.
    /// </summary>
    public static long? SizeOf(SafetensorsDtype dtype, long[] shape)
    {
        try
        {
            // Dimensions of size 0 count as 1: the others still make strides.
            var bits = (Int128)dtype.Bits;
            foreach (var length in shape)
                bits = checked(bits * Math.Max(length, 1));
            var size = checked((long)((bits + 7) / 8));
            return shape.Contains(0) ? 0 : size;
        }
        catch (OverflowException)
        {
            return null;
        }
    }
}

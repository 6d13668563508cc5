namespace Parametrize.CSharp.State;

/// <summary>What a header says about one tensor; the data lie from `Begin` to before `End`.</summary>
internal sealed record SafetensorsEntry(string Name, SafetensorsDtype Dtype, long[] Shape, long Begin, long End)
{
    /// <summary>
    /// How many bytes a tensor takes, the last of which may not be full; null when that, or a stride of the tensor, is no
    /// 64-bit number.
    /// </summary>
    public static long? SizeOf(SafetensorsDtype dtype, IReadOnlyList<long> shape)
    {
        try
        {
            // Dimensions of size 0 count as 1: the others still make strides.
            var bits = shape.Aggregate((Int128)dtype.Bits, (bits, length) => checked(bits * Math.Max(length, 1)));
            var size = checked((long)((bits + 7) / 8));
            return shape.Contains(0) ? 0 : size;
        }
        catch (OverflowException)
        {
            return null;
        }
    }
}

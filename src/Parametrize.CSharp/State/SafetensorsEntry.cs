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

/// <summary>An element type of the format; its type is null where TorchSharp has none.</summary>
internal sealed record SafetensorsDtype(ScalarType? Type, string Name, int Bits)
{
    /// <summary>In the order in which other writers put their tensors: wide elements first, so that all are aligned.</summary>
    private static readonly SafetensorsDtype[] Held =
    [
        new(ScalarType.Int64, "I64", 64),
        new(ScalarType.Float64, "F64", 64),
        new(ScalarType.ComplexFloat32, "C64", 64),
        new(ScalarType.Float32, "F32", 32),
        new(ScalarType.Int32, "I32", 32),
        new(ScalarType.BFloat16, "BF16", 16),
        new(ScalarType.Float16, "F16", 16),
        new(ScalarType.Int16, "I16", 16),
        new(ScalarType.Int8, "I8", 8),
        new(ScalarType.Byte, "U8", 8),
        new(ScalarType.Bool, "BOOL", 8),
    ];

    private static readonly SafetensorsDtype[] Others =
    [
        new(null, "U64", 64),
        new(null, "U32", 32),
        new(null, "U16", 16),
        new(null, "F8_E4M3", 8),
        new(null, "F8_E5M2", 8),
        new(null, "F8_E8M0", 8),
        new(null, "F8_E4M3FNUZ", 8),
        new(null, "F8_E5M2FNUZ", 8),
        new(null, "F6_E2M3", 6),
        new(null, "F6_E3M2", 6),
        new(null, "F4", 4),
    ];

    public int Rank => Array.IndexOf(Held, this);

    /// <summary>The names of the element types that can be written.</summary>
    public static string Names => string.Join(", ", Held.Select(dtype => dtype.Name));

    public static string AllNames => string.Join(", ", Held.Concat(Others).Select(dtype => dtype.Name));

    public static SafetensorsDtype? Named(string name) =>
        Array.Find(Held, dtype => dtype.Name == name) ?? Array.Find(Others, dtype => dtype.Name == name);

    public static SafetensorsDtype? Of(ScalarType type) => Array.Find(Held, dtype => dtype.Type == type);
}

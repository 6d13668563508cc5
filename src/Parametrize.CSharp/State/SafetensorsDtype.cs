using static TorchSharp.torch;

namespace Parametrize.CSharp;

/// <summary>The element types that both the format and TorchSharp have.</summary>
internal sealed record SafetensorsDtype(ScalarType Type, string Name, int Size)
{
    /// <summary>In the order in which other writers put their tensors: wide elements first, so that all are aligned.</summary>
    private static readonly SafetensorsDtype[] All =
    [
        new(ScalarType.Int64, "I64", 8),
        new(ScalarType.Float64, "F64", 8),
        new(ScalarType.ComplexFloat32, "C64", 8),
        new(ScalarType.Float32, "F32", 4),
        new(ScalarType.Int32, "I32", 4),
        new(ScalarType.BFloat16, "BF16", 2),
        new(ScalarType.Float16, "F16", 2),
        new(ScalarType.Int16, "I16", 2),
        new(ScalarType.Int8, "I8", 1),
        new(ScalarType.Byte, "U8", 1),
        new(ScalarType.Bool, "BOOL", 1),
    ];

    public int Rank => Array.IndexOf(All, this);

    public static string Names => string.Join(", ", All.Select(dtype => dtype.Name));

    public static SafetensorsDtype? Named(string name) => Array.Find(All, dtype => dtype.Name == name);

    public static SafetensorsDtype? Of(ScalarType type) => Array.Find(All, dtype => dtype.Type == type);
}

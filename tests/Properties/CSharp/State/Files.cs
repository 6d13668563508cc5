using System.Buffers.Binary;
using System.Text;
using Parametrize.CSharp;
using static TorchSharp.torch;

namespace Properties.CSharp.State;

/// <summary>Files made by hand, and tensors of any bytes.</summary>
internal static class Files
{
    public static readonly ScalarType[] Dtypes =
    [
        ScalarType.Float64,
        ScalarType.Float32,
        ScalarType.Float16,
        ScalarType.BFloat16,
        ScalarType.ComplexFloat32,
        ScalarType.Int64,
        ScalarType.Int32,
        ScalarType.Int16,
        ScalarType.Int8,
        ScalarType.Byte,
        ScalarType.Bool,
    ];

    public static byte[] Of(byte[] header, params byte[] data)
    {
        var length = new byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(length, (ulong)header.Length);
        return [.. length, .. header, .. data];
    }

    public static byte[] Of(string header, int dataLength = 0) =>
        Of(Encoding.UTF8.GetBytes(header), new byte[dataLength]);

    public static byte[] Saved(
        IReadOnlyDictionary<string, Tensor> tensors,
        IReadOnlyDictionary<string, string>? metadata = null
    )
    {
        using var stream = new MemoryStream();
        Safetensors.Save(stream, tensors, metadata);
        return stream.ToArray();
    }

    public static LoadedTensors Loaded(byte[] file) => Safetensors.Load(new MemoryStream(file));

    public static byte[] Bytes(Tensor tensor) =>
        tensor.numel() == 0 ? [] : tensor.detach().resolve_conj().cpu().contiguous().bytes.ToArray();

    /// <summary>Any bytes, NaN and denormals among them; contiguous or not.</summary>
    public static Tensor Random(Random random)
    {
        var dtype = Dtypes[random.Next(Dtypes.Length)];
        var shape = Enumerable.Range(0, random.Next(4)).Select(_ => (long)random.Next(4)).ToArray();
        var tensor = empty(shape, dtype: dtype, device: CPU);
        if (tensor.numel() > 0)
        {
            random.NextBytes(tensor.bytes);
            if (dtype == ScalarType.Bool)
                foreach (ref var value in tensor.bytes)
                    value &= 1;
        }
        return random.Next(3) switch
        {
            0 when shape.Length > 1 => tensor.transpose(0, -1),
            1 when shape.Length > 0 => tensor.unsqueeze(0).expand([2, .. shape]),
            _ => tensor,
        };
    }
}

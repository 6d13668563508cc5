namespace Parametrize.CSharp.State;

/// <summary>The elements of a tensor as bytes, row after row, little-endian as libtorch has them on its platforms.</summary>
internal static class TensorBytes
{
    /// <summary>Tensors may be longer than a span; this many bytes are copied at a time.</summary>
    private const int Chunk = 1 << 26;

    public static void Write(Stream stream, Tensor tensor)
    {
        using var _ = NewDisposeScope();
        using var __ = no_grad();
        // Conjugates and negatives may be pending, which the bytes do not show.
        var flat = tensor.detach().resolve_conj().resolve_neg().cpu().contiguous().flatten();
        foreach (var part in Parts(flat))
            stream.Write(part.bytes);
    }

    /// <summary>A new tensor of the stream's next bytes.</summary>
    /// <exception cref="EndOfStreamException">The stream is shorter.</exception>
    /// <exception cref="InvalidDataException">A boolean is neither 0 nor 1.</exception>
    public static Tensor Read(Stream stream, SafetensorsEntry entry)
    {
        var tensor = empty(entry.Shape, dtype: entry.Dtype.Type, device: CPU);
        try
        {
            // Files may have very many small ones.
            if (entry.End - entry.Begin <= Chunk)
                Fill(tensor, stream, entry);
            else
                using (var flat = tensor.flatten())
                    foreach (var part in Parts(flat))
                        Fill(part, stream, entry);
            return tensor;
        }
        catch
        {
            tensor.Dispose();
            throw;
        }
    }

    private static void Fill(Tensor tensor, Stream stream, SafetensorsEntry entry)
    {
        if (tensor.numel() == 0)
            return;
        var bytes = tensor.bytes;
        stream.ReadExactly(bytes);
        if (entry.Dtype.Type == ScalarType.Bool && bytes.IndexOfAnyExcept<byte>(0, 1) is >= 0 and var index)
            throw new InvalidDataException(
                $"'{entry.Name}' is BOOL, whose bytes are 0 or 1, but one of them is {bytes[index]}."
            );
    }

    private static IEnumerable<Tensor> Parts(Tensor flat)
    {
        var length = Chunk / flat.ElementSize;
        for (var start = 0L; start < flat.numel(); start += length)
        {
            using var part = flat.narrow(0, start, Math.Min(length, flat.numel() - start));
            yield return part;
        }
    }
}

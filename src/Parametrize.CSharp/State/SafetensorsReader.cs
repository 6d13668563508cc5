using System.Buffers.Binary;

namespace Parametrize.CSharp.State;

/// <summary>
/// Reads a stream that can seek. Every offset of the header is compared with the length of the stream before it is used.
/// </summary>
internal static class SafetensorsReader
{
    public static LoadedTensors Read(Stream stream, out Dictionary<string, string> metadata)
    {
        try
        {
            (var entries, metadata) = SafetensorsHeader.Parse(HeaderOf(stream));
            RequireContiguous(entries, stream.Length - stream.Position);
            return Tensors(stream, entries, new(metadata));
        }
        catch (EndOfStreamException error)
        {
            throw new InvalidDataException("The stream ends before the data that its header declares.", error);
        }
    }

    private static LoadedTensors Tensors(Stream stream, List<SafetensorsEntry> entries, StateDescription description)
    {
        var unread = entries.Where(entry => entry.Dtype.Type is null);
        var tensors = new LoadedTensors(
            unread.ToDictionary(entry => entry.Name, entry => entry.Dtype.Name),
            description
        );
        try
        {
            tensors.EnsureCapacity(entries.Count);
            foreach (var entry in entries)
                if (entry.Dtype.Type is null)
                    stream.Seek(entry.End - entry.Begin, SeekOrigin.Current);
                else
                    tensors.Add(entry.Name, TensorBytes.Read(stream, entry));
            return tensors;
        }
        catch
        {
            foreach (var tensor in tensors.Values)
                tensor.Dispose();
            throw;
        }
    }

    private static byte[] HeaderOf(Stream stream)
    {
        var available = stream.Length - stream.Position;
        if (available < sizeof(ulong))
            throw new InvalidDataException(
                $"8 bytes with the length of the header were expected, but there are {available}."
            );
        Span<byte> prefix = stackalloc byte[sizeof(ulong)];
        stream.ReadExactly(prefix);

        var length = BinaryPrimitives.ReadUInt64LittleEndian(prefix);
        if (length > SafetensorsLayout.LongestHeader)
            throw new InvalidDataException(
                $"The header is at most {SafetensorsLayout.LongestHeader} bytes long, but the file says {length}."
            );
        if (length > (ulong)(available - sizeof(ulong)))
            throw new InvalidDataException(
                $"A header of {length} bytes was announced, but {available - sizeof(ulong)} bytes follow."
            );
        var header = new byte[length];
        stream.ReadExactly(header);
        return header;
    }

    /// <summary>Sorts the entries by their position in the data. Throws unless they cover the data exactly.</summary>
    private static void RequireContiguous(List<SafetensorsEntry> entries, long available)
    {
        entries.Sort((left, right) => (left.Begin, left.End).CompareTo((right.Begin, right.End)));
        SafetensorsEntry? before = null;
        foreach (var entry in entries)
        {
            var expected = before?.End ?? 0;
            var place = before is null ? "at the start of the data" : $"where '{before.Name}' ends";
            if (entry.Begin < expected)
                throw new InvalidDataException(
                    $"'{entry.Name}' begins at {entry.Begin} and overlaps '{before!.Name}', which ends at {expected}."
                );
            if (entry.Begin > expected)
                throw new InvalidDataException(
                    $"'{entry.Name}' should begin at {expected}, {place}, but begins at {entry.Begin}: the bytes between belong to no tensor."
                );
            before = entry;
        }

        var end = before?.End ?? 0;
        if (end > available)
            throw new InvalidDataException($"The tensors take {end} bytes, but the data have {available}: truncated.");
        if (end < available)
            throw new InvalidDataException(
                $"The tensors take {end} bytes, but the data have {available}: {available - end} bytes too many."
            );
    }
}

using System.Buffers;
using System.Buffers.Binary;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Parametrize.CSharp.State;

/// <summary>The position of each tensor in a file to be written. All input is checked here.</summary>
internal sealed class SafetensorsLayout
{
    public const string MetadataName = "__metadata__";

    /// <summary>Readers refuse longer headers.</summary>
    public const int LongestHeader = 100_000_000;

    private static readonly UTF8Encoding Utf8 = new(false, throwOnInvalidBytes: true);

    private readonly KeyValuePair<string, string>[] _metadata;

    private SafetensorsLayout(SafetensorsEntry[] entries, KeyValuePair<string, string>[] metadata) =>
        (Entries, _metadata) = (entries, metadata);

    public IReadOnlyList<SafetensorsEntry> Entries { get; }

    public static SafetensorsLayout Of(
        IReadOnlyDictionary<string, Tensor> tensors,
        IReadOnlyDictionary<string, string>? metadata
    )
    {
        ArgumentNullException.ThrowIfNull(tensors);
        metadata ??= new Dictionary<string, string>();
        if (metadata.FirstOrDefault(pair => pair.Value is null).Key is { } empty)
            throw new ArgumentException(
                $"A text was expected for '{empty}' of the metadata, but it is null.",
                nameof(metadata)
            );
        foreach (var text in metadata.Keys.Concat(metadata.Values))
            Encoded(text); // Throws where the writer would put a replacement character.

        var end = 0L;
        var entries = tensors
            .Select(pair => (pair.Key, pair.Value, Dtype: DtypeOf(pair.Key, pair.Value), Bytes: Encoded(pair.Key)))
            .OrderBy(tensor => tensor.Dtype.Rank)
            .ThenBy(
                tensor => tensor.Bytes,
                Comparer<byte[]>.Create((left, right) => left.AsSpan().SequenceCompareTo(right))
            )
            .Select(tensor =>
            {
                var begin = end;
                end += SafetensorsEntry.SizeOf(tensor.Dtype, tensor.Value.shape)!.Value;
                return new SafetensorsEntry(tensor.Key, tensor.Dtype, tensor.Value.shape, begin, end);
            })
            .ToArray();
        return new(entries, [.. metadata.OrderBy(pair => pair.Key, StringComparer.Ordinal)]);
    }

    /// <summary>The length of the JSON text, and the text, padded so that the data begin at a multiple of 8 bytes.</summary>
    public ReadOnlySpan<byte> Header()
    {
        var text = new ArrayBufferWriter<byte>();
        text.Advance(WriteLength(text.GetSpan(sizeof(ulong)), 0));
        var options = new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
        using (var json = new Utf8JsonWriter(text, options))
            WriteJson(json);
        while (text.WrittenCount % sizeof(ulong) != 0)
            text.Write(" "u8);

        var header = text.WrittenSpan.ToArray();
        var length = header.Length - sizeof(ulong);
        if (length > LongestHeader)
            throw new ArgumentException(
                $"The names and metadata take {length} bytes, but readers accept {LongestHeader}. Save several files."
            );
        WriteLength(header, (ulong)length);
        return header;
    }

    private void WriteJson(Utf8JsonWriter json)
    {
        json.WriteStartObject();
        if (_metadata.Length > 0)
        {
            json.WriteStartObject(MetadataName);
            foreach (var (name, value) in _metadata)
                json.WriteString(name, value);
            json.WriteEndObject();
        }
        foreach (var entry in Entries)
        {
            json.WriteStartObject(entry.Name);
            json.WriteString("dtype", entry.Dtype.Name);
            WriteArray(json, "shape", entry.Shape);
            WriteArray(json, "data_offsets", [entry.Begin, entry.End]);
            json.WriteEndObject();
        }
        json.WriteEndObject();
    }

    private static void WriteArray(Utf8JsonWriter json, string name, long[] numbers)
    {
        json.WriteStartArray(name);
        foreach (var number in numbers)
            json.WriteNumberValue(number);
        json.WriteEndArray();
    }

    private static int WriteLength(Span<byte> span, ulong length)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(span, length);
        return sizeof(ulong);
    }

    private static SafetensorsDtype DtypeOf(string name, Tensor? tensor)
    {
        if (name == MetadataName)
            throw new ArgumentException($"A tensor cannot be named '{MetadataName}': the format keeps that name.");
        if (tensor.WhyInvalid() is { } absence)
            throw new ArgumentException(
                $"A tensor was expected for '{name}', but the entry {absence}. Remove the key."
            );
        if (tensor!.device_type == TorchSharp.DeviceType.META || tensor.is_sparse)
            throw new ArgumentException(
                $"'{name}' is {(tensor.is_sparse ? "sparse" : "on the meta device")}, but a file holds dense data only."
            );
        if (tensor.dim() > SafetensorsEntry.MostDimensions)
            throw new ArgumentException(
                $"'{name}' has {tensor.dim()} dimensions, but reading accepts {SafetensorsEntry.MostDimensions}."
            );
        return SafetensorsDtype.Of(tensor.dtype)
            ?? throw new ArgumentException(
                $"'{name}' is {tensor.dtype}, but the format has {SafetensorsDtype.Names}. Convert it with `to`, or save "
                    + "real and imaginary parts."
            );
    }

    private static byte[] Encoded(string text)
    {
        try
        {
            return Utf8.GetBytes(text);
        }
        catch (EncoderFallbackException error)
        {
            throw new ArgumentException($"'{text}' is no Unicode text (half of a surrogate pair).", error);
        }
    }
}

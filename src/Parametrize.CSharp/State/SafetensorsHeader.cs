using System.Text.Json;
using System.Text.Unicode;

namespace Parametrize.CSharp.State;

/// <summary>Reads the JSON text of a header. The caller compares it with the data.</summary>
internal static class SafetensorsHeader
{
    public static (List<SafetensorsEntry> Entries, Dictionary<string, string> Metadata) Parse(ReadOnlySpan<byte> text)
    {
        if (!Utf8.IsValid(text))
            throw new InvalidDataException("The header is not valid UTF-8.");
        if (text.IsEmpty || text[0] != '{')
            throw new InvalidDataException(
                text.IsEmpty
                    ? "The header is empty; at least '{}' was expected."
                    : $"The header must begin with '{{', but begins with byte 0x{text[0]:X2}."
            );
        var json = new Utf8JsonReader(text);
        var entries = new List<SafetensorsEntry>();
        var metadata = new Dictionary<string, string>();
        var (names, fields) = (new HashSet<string>(), new HashSet<string>());
        try
        {
            json.Read();
            while (NextName(ref json, names, new("The header", null)) is { } name)
                if (name == SafetensorsLayout.MetadataName)
                    ReadMetadata(ref json, metadata);
                else
                    entries.Add(ReadEntry(ref json, name, fields));
            // Throws when something other than white space follows.
            json.Read();
            return (entries, metadata);
        }
        catch (JsonException error)
        {
            throw new InvalidDataException($"The header is not valid JSON: {error.Message}", error);
        }
    }

    private static void ReadMetadata(ref Utf8JsonReader json, Dictionary<string, string> metadata)
    {
        var where = new Place(SafetensorsLayout.MetadataName, null);
        Expect(ref json, JsonTokenType.StartObject, where, "an object");
        var names = new HashSet<string>();
        while (NextName(ref json, names, where) is { } name)
        {
            Expect(ref json, JsonTokenType.String, new($"{where}.{Shown(name)}", null), "a string");
            metadata.Add(name, TextOf(ref json));
        }
    }

    private static SafetensorsEntry ReadEntry(ref Utf8JsonReader json, string name, HashSet<string> fields)
    {
        var where = new Place(null, name);
        Expect(ref json, JsonTokenType.StartObject, where, "an object");
        fields.Clear();
        var (dtype, shape, offsets) = ((SafetensorsDtype?)null, (long[]?)null, (long[]?)null);
        while (NextName(ref json, fields, where) is { } field)
            switch (field)
            {
                case "dtype":
                    dtype = ReadDtype(ref json, where);
                    break;
                case "shape":
                    shape = ReadNumbers(ref json, where, isShape: true);
                    break;
                case "data_offsets":
                    offsets = ReadNumbers(ref json, where, isShape: false);
                    break;
                default:
                    // Python's reader ignores what it does not know.
                    json.Skip();
                    break;
            }

        if (dtype is null || shape is null || offsets is null)
            throw new InvalidDataException(
                $"{where} lacks {(dtype is null ? "dtype" : shape is null ? "shape" : "data_offsets")}."
            );
        return Checked(new(name, dtype, shape, 0, 0), offsets, where);
    }

    private static SafetensorsEntry Checked(SafetensorsEntry entry, long[] offsets, Place where)
    {
        var size =
            SafetensorsEntry.SizeOf(entry.Dtype, entry.Shape)
            ?? throw new InvalidDataException($"The shape {Shown(entry.Shape)} of {where} is larger than any memory.");
        if (offsets.Length != 2 || offsets[0] > offsets[1])
            throw new InvalidDataException(
                $"data_offsets of {where} should be [begin, end] with begin <= end, but are "
                    + $"[{string.Join(", ", offsets)}]."
            );
        if (offsets[1] - offsets[0] != size)
            throw new InvalidDataException(
                $"{where} of shape {Shown(entry.Shape)} and dtype {entry.Dtype.Name} takes {size} bytes, but its "
                    + $"data_offsets [{offsets[0]}, {offsets[1]}] span {offsets[1] - offsets[0]}."
            );
        return entry with { Begin = offsets[0], End = offsets[1] };
    }

    private static SafetensorsDtype ReadDtype(ref Utf8JsonReader json, Place where)
    {
        Expect(ref json, JsonTokenType.String, where with { Part = "The dtype" }, "a string");
        var name = TextOf(ref json);
        return SafetensorsDtype.Named(name)
            ?? throw new InvalidDataException(
                $"The dtype of {where} should be one of {SafetensorsDtype.AllNames}, but is {Shown(name)}."
            );
    }

    private static long[] ReadNumbers(ref Utf8JsonReader json, Place where, bool isShape)
    {
        var place = where with { Part = isShape ? "The shape" : "data_offsets" };
        Expect(ref json, JsonTokenType.StartArray, place, "an array of numbers");
        var numbers = new List<long>();
        while (json.Read() && json.TokenType != JsonTokenType.EndArray)
        {
            if (json.TokenType != JsonTokenType.Number || !json.TryGetInt64(out var number) || number < 0)
                throw new InvalidDataException(
                    $"{place} should hold whole numbers from 0 to {long.MaxValue}, but holds {Found(ref json)}."
                );
            if (numbers.Count == (isShape ? SafetensorsEntry.MostDimensions : 2))
                throw new InvalidDataException(
                    isShape
                        ? $"{place} has more than {SafetensorsEntry.MostDimensions} dimensions."
                        : $"{place} should be [begin, end], but has more than two numbers."
                );
            numbers.Add(number);
        }
        return [.. numbers];
    }

    /// <summary>The next name of an object, or null at its end.</summary>
    private static string? NextName(ref Utf8JsonReader json, HashSet<string> seen, Place where)
    {
        json.Read();
        if (json.TokenType == JsonTokenType.EndObject)
            return null;
        var name = TextOf(ref json);
        return seen.Add(name) ? name : throw new InvalidDataException($"{where} has '{Shown(name)}' twice.");
    }

    private static void Expect(ref Utf8JsonReader json, JsonTokenType type, Place where, string expected)
    {
        json.Read();
        if (json.TokenType != type)
            throw new InvalidDataException($"{where} should be {expected}, but is {Found(ref json)}.");
    }

    private static string TextOf(ref Utf8JsonReader json)
    {
        try
        {
            return json.GetString()!;
        }
        catch (InvalidOperationException error)
        {
            throw new InvalidDataException("A text in the header has half of a surrogate pair.", error);
        }
    }

    private static string Found(ref Utf8JsonReader json) =>
        json.TokenType switch
        {
            JsonTokenType.StartObject => "an object",
            JsonTokenType.StartArray => "an array",
            JsonTokenType.String => $"the text '{Shown(TextOf(ref json))}'",
            _ => Shown(System.Text.Encoding.UTF8.GetString(json.ValueSpan)),
        };

    private static string Shown(long[] shape) => Shown(Form.Shown(shape));

    /// <summary>Names come from the file and may be of any length.</summary>
    private static string Shown(string text) => text.Length <= 120 ? text : $"{text[..120]}...";

    /// <summary>
    /// The subject of a message. Its text is made only when a message is needed, since headers may have very many entries.
    /// </summary>
    private readonly record struct Place(string? Part, string? Name)
    {
        public override string ToString() =>
            Name is null ? Part!
            : Part is null ? $"'{Shown(Name)}'"
            : $"{Part} of '{Shown(Name)}'";
    }
}

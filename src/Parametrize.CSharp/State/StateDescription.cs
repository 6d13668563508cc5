using System.Text.Json;
using static TorchSharp.torch;
using Core = Parametrize.ParametrizationModule;

namespace Parametrize.CSharp.State;

/// <summary>
/// What the metadata of a file say about parametrized tensors: the version of this format under <c>parametrize</c>; under
/// <c>parametrize.fc.weight</c> the code of the value from which <c>fc.weight</c> is computed; and, where its pieces do not tell,
/// its shape under <c>parametrize-shapes.fc.weight</c>, of a joint tensor those of its members: <c>[[4,3],[4]]</c>.
/// </summary>
internal sealed record StateDescription(IReadOnlyDictionary<string, string> Metadata)
{
    private const string Version = "1";
    private const string VersionKey = "parametrize";
    private const string CodePrefix = $"{VersionKey}.";
    private const string ShapesPrefix = $"{VersionKey}-shapes.";

    /// <summary>Why it cannot be read; null when it can.</summary>
    public string? Fault =>
        Metadata.TryGetValue(VersionKey, out var version) && version != Version
            ? $"The state says that it is of format {version} of Parametrize, but this version reads format {Version}."
            : null;

    /// <summary>The plain keys of the tensors of which a code is said.</summary>
    public IEnumerable<string> Keys => Metadata.ContainsKey(VersionKey) ? Under(CodePrefix) : [];

    /// <summary>What is said about other things.</summary>
    public IReadOnlyDictionary<string, string> Others =>
        Metadata.Where(pair => !IsOurs(pair.Key)).ToDictionary(pair => pair.Key, pair => pair.Value);

    /// <summary>The code of the value of a tensor, by its plain key; null where nothing is said.</summary>
    public string? CodeOf(string key) =>
        Metadata.ContainsKey(VersionKey) ? Metadata.GetValueOrDefault(CodePrefix + key) : null;

    /// <summary>The shape of a tensor, of a joint one those of its members; null where nothing is said.</summary>
    /// <exception cref="InvalidDataException">What is said are no shapes.</exception>
    public IReadOnlyList<long[]>? ShapesOf(string key)
    {
        if (Metadata.GetValueOrDefault(ShapesPrefix + key) is not { } text)
            return null;
        try
        {
            if (JsonSerializer.Deserialize<long[][]>(text) is [_, ..] shapes && shapes.All(IsShape))
                return shapes;
        }
        catch (JsonException) { }
        throw new InvalidDataException($"{ShapesPrefix}{key} should be shapes, such as [[4,3]], but is {text}.");

        static bool IsShape(long[]? shape) => shape is not null && shape.All(length => length >= 0);
    }

    /// <summary>What there is to say about a model, and what the caller says; his words count more.</summary>
    public static Dictionary<string, string> Of(nn.Module model, IReadOnlyDictionary<string, string>? others)
    {
        var metadata = new Dictionary<string, string>();
        foreach (var target in StateTarget.Of(model))
            if (target.Parametrized is { } tensor)
                Describe(metadata, target.Key, tensor, target.Layout?.MemberShapes);
        foreach (var (name, text) in others ?? new Dictionary<string, string>())
            metadata[name] = text;
        return metadata;
    }

    /// <summary>Puts what there is to say about a tensor among the metadata.</summary>
    /// <param name="metadata">The metadata.</param>
    /// <param name="key">Its plain key.</param>
    /// <param name="tensor">The tensor.</param>
    /// <param name="members">The shapes of the members of a joint one; null for a tensor alone.</param>
    public static void Describe(
        Dictionary<string, string> metadata,
        string key,
        ParametrizedTensor tensor,
        IReadOnlyList<long[]>? members
    )
    {
        metadata[VersionKey] = Version;
        metadata[CodePrefix + key] = tensor.Parametrization.Code;
        metadata.Remove(ShapesPrefix + key);
        if (members is not null || Core.shapeOf(tensor.Inputs, tensor.Parametrization) is null)
            metadata[ShapesPrefix + key] = JsonSerializer.Serialize(members ?? [tensor.Shape]);
    }

    private static bool IsOurs(string name) =>
        name == VersionKey
        || name.StartsWith(CodePrefix, StringComparison.Ordinal)
        || name.StartsWith(ShapesPrefix, StringComparison.Ordinal);

    private IEnumerable<string> Under(string prefix) =>
        Metadata
            .Keys.Where(key => key.StartsWith(prefix, StringComparison.Ordinal))
            .Select(key => key[prefix.Length..]);
}

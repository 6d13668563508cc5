using System.Text.Json;

namespace Parametrize.CSharp.State;

/// <summary>
/// The description of parametrized tensors in the metadata of a file. <c>parametrize</c> has the version of this format.
/// <c>parametrize.fc.weight</c> has the code of the value from which <c>fc.weight</c> is computed.
/// <c>parametrize-shapes.fc.weight</c> has its shape, when the pieces do not show it; for a joint tensor the shapes of its members:
/// <c>[[4,3],[4]]</c>.
/// </summary>
internal sealed record StateDescription(IReadOnlyDictionary<string, string> Metadata)
{
    private const string Version = "1";
    private const string VersionKey = "parametrize";
    private const string CodePrefix = $"{VersionKey}.";
    private const string ShapesPrefix = $"{VersionKey}-shapes.";

    /// <summary>Why the description cannot be read; null when it can.</summary>
    public string? Fault =>
        Metadata.TryGetValue(VersionKey, out var version) && version != Version
            ? $"The state says that it is of format {version} of Parametrize, but this version reads format {Version}."
            : null;

    /// <summary>The plain keys of the tensors for which the metadata have a code.</summary>
    public IEnumerable<string> Keys =>
        Metadata.ContainsKey(VersionKey)
            ? from key in Metadata.Keys
            where key.StartsWith(CodePrefix, StringComparison.Ordinal)
            select key[CodePrefix.Length..]
            : [];

    /// <summary>The metadata of other programs.</summary>
    public IReadOnlyDictionary<string, string> Others =>
        Metadata.Where(pair => !IsOurs(pair.Key)).ToDictionary(pair => pair.Key, pair => pair.Value);

    /// <summary>The code of the value of a tensor, by its plain key; null when the metadata have none.</summary>
    public string? CodeOf(string key) =>
        Metadata.ContainsKey(VersionKey) ? Metadata.GetValueOrDefault(CodePrefix + key) : null;

    /// <summary>The shape of a tensor, or the shapes of the members of a joint tensor; null when the metadata have none.</summary>
    /// <exception cref="InvalidDataException">The text is no list of shapes.</exception>
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

    /// <summary>The metadata of a model with these tensors, and the caller's.</summary>
    /// <exception cref="ArgumentException">The caller's say something else of a tensor of the model.</exception>
    public static Dictionary<string, string> Of(
        IEnumerable<StateTarget> targets,
        IReadOnlyDictionary<string, string>? others
    )
    {
        var metadata = new Dictionary<string, string>();
        foreach (var target in targets)
            if (target.Parametrized is { } tensor)
                Describe(metadata, target.Key, tensor, target.Layout?.MemberShapes);
        foreach (var (name, text) in others ?? new Dictionary<string, string>())
            if (!metadata.TryAdd(name, text) && metadata[name] != text)
                throw new ArgumentException(
                    $"The metadata have {name} = {Brief.ofValue(text)}, but the model has {Brief.ofValue(metadata[name])}. Leave out keys that "
                        + $"begin with {VersionKey}: the file gets those of the model.",
                    nameof(metadata)
                );
        return metadata;
    }

    /// <summary>Adds the description of a tensor to the metadata.</summary>
    /// <param name="key">Its plain key.</param>
    /// <param name="members">The shapes of the members of a joint tensor; null for a single tensor.</param>
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
}

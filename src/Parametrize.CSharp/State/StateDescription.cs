using static TorchSharp.torch;

namespace Parametrize.CSharp.State;

/// <summary>
/// What the metadata of a file say about parametrized tensors: the version of this format under <c>parametrize</c>, and
/// under <c>parametrize.fc.weight</c> the code of the value from which <c>fc.weight</c> is computed.
/// </summary>
internal sealed record StateDescription(IReadOnlyDictionary<string, string> Metadata)
{
    private const string Version = "1";
    private const string VersionKey = "parametrize";

    /// <summary>Why it cannot be read; null when it can.</summary>
    public string? Fault =>
        Metadata.TryGetValue(VersionKey, out var version) && version != Version
            ? $"The state says that it is of format {version} of Parametrize, but this version reads format {Version}."
            : null;

    /// <summary>The code of the value of a tensor, by its plain key; null where nothing is said.</summary>
    public string? CodeOf(string key) =>
        Metadata.ContainsKey(VersionKey) ? Metadata.GetValueOrDefault(KeyOf(key)) : null;

    /// <summary>What there is to say about a model, and what the caller says; his words count more.</summary>
    public static Dictionary<string, string> Of(nn.Module model, IReadOnlyDictionary<string, string>? others)
    {
        var parametrized = StateTarget.Of(model).Where(target => target.Parametrized is not null).ToList();
        var metadata = new Dictionary<string, string>();
        if (parametrized.Count > 0)
            metadata[VersionKey] = Version;
        foreach (var target in parametrized)
            metadata[KeyOf(target.Key)] = target.Parametrized!.Parametrization.Code;
        foreach (var (name, text) in others ?? new Dictionary<string, string>())
            metadata[name] = text;
        return metadata;
    }

    private static string KeyOf(string key) => $"{VersionKey}.{key}";
}

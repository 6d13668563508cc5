using Parametrize.CSharp;

namespace Parametrize.Tool.Files;

/// <summary>The files that a user names: safetensors, and folders of PEFT's adapters.</summary>
internal static class Input
{
    public const string AdapterConfig = "adapter_config.json";
    private const string AdapterTensors = "adapter_model.safetensors";

    /// <summary>Reads a file, or the tensors of an adapter's folder.</summary>
    public static SavedModel Load(string path, IReadOnlyDictionary<string, Parametrization> maps) =>
        Reading(path, file => SavedModel.Load(file, maps));

    /// <summary>Reads the tensors as they are in the file.</summary>
    public static LoadedTensors Tensors(string path, out Dictionary<string, string> metadata)
    {
        (var tensors, metadata) = Reading(
            path,
            file =>
            {
                var tensors = Safetensors.Load(file, out var metadata);
                return (tensors, metadata);
            }
        );
        return tensors;
    }

    /// <summary>What PEFT says of the adapter that the path is a folder or the tensors of; null when it is none.</summary>
    public static LoraConfig? AdapterOf(string path) =>
        File.Exists(Path.Combine(AdapterFolder(path), AdapterConfig))
        && (Directory.Exists(path) || Path.GetFileName(path) == AdapterTensors)
            ? LoraConfig.from_pretrained(AdapterFolder(path))
            : null;

    /// <summary>The folder of an adapter of which the path is it or its tensors.</summary>
    public static string AdapterFolder(string path) =>
        Directory.Exists(path) ? path : Path.GetDirectoryName(Path.GetFullPath(path))!;

    private static T Reading<T>(string path, Func<string, T> read)
    {
        var file = Directory.Exists(path) ? Path.Combine(path, AdapterTensors) : path;
        if (!File.Exists(file))
            throw ToolException.Unusable(
                file == path ? $"{path} does not exist." : $"{path} is a folder without {AdapterTensors}."
            );
        return read(file);
    }
}

using System.CommandLine;

namespace Parametrize.Tool.Files;

/// <summary>The file that a verb writes.</summary>
internal static class Output
{
    /// <summary>Its path; throws where a file is in the way. Asked before anything is computed.</summary>
    public static string Free(ParseResult parsed, Option<string> output, Option<bool> force)
    {
        var path = parsed.GetRequiredValue(output);
        if (Directory.Exists(path))
            throw ToolException.Unusable($"{path} is a folder. Name a file in it.");
        if (File.Exists(path) && !parsed.GetValue(force))
            throw ToolException.Unusable($"{path} is there already. --force replaces it.");
        if (Path.GetDirectoryName(Path.GetFullPath(path)) is { } folder && !Directory.Exists(folder))
            throw ToolException.Unusable($"{folder} does not exist. Make that folder first.");
        return path;
    }
}

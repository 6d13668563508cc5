namespace Parametrize.Tool.Files;

/// <summary>The file that a verb writes.</summary>
internal static class Output
{
    /// <summary>Throws where a file is in the way; asked before anything is computed.</summary>
    public static void RequireFree(string path, bool force)
    {
        if (Directory.Exists(path))
            throw ToolException.Unusable($"{path} is a folder. Name a file in it.");
        if (File.Exists(path) && !force)
            throw ToolException.Unusable($"{path} is there already. --force replaces it.");
        if (Path.GetDirectoryName(Path.GetFullPath(path)) is { } folder && !Directory.Exists(folder))
            throw ToolException.Unusable($"{folder} does not exist. Make that folder first.");
    }
}

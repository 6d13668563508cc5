namespace Site;

/// <summary>Where this machine has a Chromium. Nothing is downloaded.</summary>
internal static class Browser
{
    public const string Variable = "CHROMIUM";

    private static readonly string[] Names =
    [
        "chromium",
        "chromium-browser",
        "google-chrome",
        "chrome.exe",
        "msedge.exe",
    ];

    public static string? Find()
    {
        var named = Environment.GetEnvironmentVariable(Variable);
        var folders = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator);
        var known = folders.SelectMany(folder => Names.Select(name => Path.Combine(folder, name)));
        return string.IsNullOrEmpty(named) ? known.FirstOrDefault(File.Exists)
            : File.Exists(named) ? named
            : throw new FileNotFoundException($"{Variable} names {named}, which does not exist.");
    }
}

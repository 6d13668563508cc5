namespace Site;

/// <summary>The pages of a built site, by their paths from its root.</summary>
internal sealed class SiteFiles(string folder)
{
    /// <summary>Not what is shown inside other pages: tables of contents.</summary>
    public IReadOnlyList<string> Pages { get; } =
    [
        .. Directory
            .EnumerateFiles(folder, "*.html", SearchOption.AllDirectories)
            .Where(file => Path.GetFileName(file) != "toc.html")
            .Select(file => Path.GetRelativePath(folder, file).Replace('\\', '/'))
            .Order(StringComparer.Ordinal),
    ];

    public bool Has(string path) => File.Exists(Path.Combine(folder, path));
}

using Xunit;

namespace Properties.CSharp.Architecture;

/// <summary>Every change of what others can use is seen in a review, as a change of a file.</summary>
public class PublicSurfaceIsWrittenDown
{
    /// <summary>With this argument the tests' program writes the files.</summary>
    internal const string Writing = "surface";

    private const string Command = "dotnet run --project tests/Properties/CSharp -c Release -- " + Writing;

    public static TheoryData<string> Assemblies =>
        ["Parametrize.Core", "Parametrize.CSharp", "Parametrize.Flows", "Parametrize.Laws"];

    [Theory]
    [MemberData(nameof(Assemblies))]
    public void The_surface_is_that_of_its_file(string assembly)
    {
        var (written, found) = (File.ReadAllLines(FileOf(assembly)), PublicSurface.Of(assembly));
        string[] difference =
        [
            .. Named(written).Except(Named(found)).Select(line => $"- {line}"),
            .. Named(found).Except(Named(written)).Select(line => $"+ {line}"),
        ];
        Assert.True(
            written.SequenceEqual(found),
            $"""
            The public surface of {assembly} is another:
            {string.Join('\n', difference)}
            If that is meant, say so in CHANGELOG.md and write the surface down: {Command}
            """
        );
    }

    /// <summary>Each member with its type: those of several types can look alike.</summary>
    private static IEnumerable<string> Named(string[] lines)
    {
        var type = "";
        foreach (var line in lines)
            if (line.StartsWith(' '))
                yield return $"{type}:{line}";
            else
                yield return type = line;
    }

    internal static void Write()
    {
        foreach (string assembly in Assemblies)
            File.WriteAllText(
                FileOf(assembly),
                string.Join("", PublicSurface.Of(assembly).Select(line => $"{line}\n"))
            );
    }

    private static string FileOf(string assembly)
    {
        var root = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(root.FullName, "Parametrize.sln")))
            root = root.Parent!;
        var sources = Directory.GetDirectories(Path.Combine(root.FullName, "src"), $"{assembly}*").Single();
        return Path.Combine(sources, "PublicSurface.txt");
    }
}

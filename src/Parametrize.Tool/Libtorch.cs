using System.Reflection;
using System.Runtime.InteropServices;

namespace Parametrize.Tool;

/// <summary>
/// Finds libtorch, which takes hundreds of megabytes, where it is on the machine already: in a folder that the user names, or
/// where NuGet has unpacked the backend package of TorchSharp for any project.
/// </summary>
internal static class Libtorch
{
    public const string Variable = "PARAMETRIZE_LIBTORCH";

    /// <summary>In the order in which they need each other.</summary>
    private static readonly string[] Libraries = ["c10", "torch_cpu", "torch"];

    /// <summary>The version that the TorchSharp of the tool was built for.</summary>
    public static string Version { get; } =
        typeof(Libtorch)
            .Assembly.GetCustomAttributes<AssemblyMetadataAttribute>()
            .Single(attribute => attribute.Key == "libtorch")
            .Value!;

    private static string Platform =>
        OperatingSystem.IsWindows() ? "win-x64"
        : OperatingSystem.IsMacOS() ? "osx-arm64"
        : "linux-x64";

    /// <summary>
    /// Loads it, unless it is beside the program. What is loaded afterwards, TorchSharp's own library, takes libraries of these
    /// names from those that are loaded.
    /// </summary>
    /// <exception cref="ToolException">It is nowhere.</exception>
    public static void Load()
    {
        if (IsIn(AppContext.BaseDirectory))
            return;
        var folder = Folder(Environment.GetEnvironmentVariable(Variable), NuGetFolder());
        foreach (var library in Libraries)
            NativeLibrary.Load(Path.Combine(folder, FileName(library)));
    }

    /// <summary>The folder that has it.</summary>
    /// <param name="named">The folder that the user has named, if any: then no other will do.</param>
    /// <param name="unpacked">Where NuGet unpacks it.</param>
    public static string Folder(string? named, string unpacked)
    {
        if (!string.IsNullOrEmpty(named))
            return IsIn(named)
                ? named
                : throw ToolException.Unusable($"{Variable} is {named}, where there is no {FileName("torch_cpu")}.");
        return IsIn(unpacked)
            ? unpacked
            : throw ToolException.Unusable(
                $"libtorch {Version} was not found in {unpacked}. Building any project that refers to TorchSharp-cpu puts it there; or "
                    + $"let the environment variable {Variable} name a folder that has it, such as that of a published program."
            );
    }

    private static bool IsIn(string folder) => File.Exists(Path.Combine(folder, FileName("torch_cpu")));

    private static string NuGetFolder()
    {
        var packages = Environment.GetEnvironmentVariable("NUGET_PACKAGES");
        if (string.IsNullOrEmpty(packages))
            packages = Path.Combine(
                Environment.GetFolderPath(Environment.SpecialFolder.UserProfile),
                ".nuget",
                "packages"
            );
        return Path.Combine(packages, $"libtorch-cpu-{Platform}", Version, "runtimes", Platform, "native");
    }

    private static string FileName(string library) =>
        OperatingSystem.IsWindows() ? $"{library}.dll"
        : OperatingSystem.IsMacOS() ? $"lib{library}.dylib"
        : $"lib{library}.so";
}

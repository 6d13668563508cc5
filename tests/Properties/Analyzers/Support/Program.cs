using System.Collections.Immutable;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Text;
using Xunit;

namespace Properties.Analyzers.Support;

/// <summary>A program that is compiled in memory, against the assemblies of this one.</summary>
internal sealed class Program : IDisposable
{
    /// <summary>What most of the programs of the tests begin with.</summary>
    private const string Usings = """
        global using System;
        global using System.Collections.Generic;
        global using System.Linq;
        global using Parametrize;
        global using Parametrize.CSharp;
        global using TorchSharp;
        global using TorchSharp.Modules;
        global using static TorchSharp.torch;
        """;

    private static readonly ImmutableArray<MetadataReference> References =
    [
        .. ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!)
            .Split(Path.PathSeparator)
            .Where(path => !Path.GetFileName(path).StartsWith("Properties.", StringComparison.Ordinal))
            .Select(path => MetadataReference.CreateFromFile(path)),
    ];

    private readonly AdhocWorkspace _workspace = new();

    public Program(params string[] sources)
    {
        var id = ProjectId.CreateNewId();
        var kind = sources.Any(IsScript) ? OutputKind.ConsoleApplication : OutputKind.DynamicallyLinkedLibrary;
        var options = new CSharpCompilationOptions(kind, nullableContextOptions: NullableContextOptions.Enable);
        var project = ProjectInfo.Create(
            id,
            VersionStamp.Default,
            "Tried",
            "Tried",
            LanguageNames.CSharp,
            compilationOptions: options,
            parseOptions: new CSharpParseOptions(LanguageVersion.Latest),
            metadataReferences: References
        );
        Solution = _workspace.CurrentSolution.AddProject(project);
        foreach (var (index, source) in sources.Append(Usings).Index())
            Solution = Solution.AddDocument(
                DocumentId.CreateNewId(id),
                index == sources.Length ? "Usings.cs" : $"File{index}.cs",
                SourceText.From(source)
            );
    }

    public Solution Solution { get; set; }

    public Project Project => Solution.Projects.Single();

    public IEnumerable<Document> Documents => Project.Documents.Where(document => document.Name != "Usings.cs");

    /// <summary>The statements of a method, in a class that has what follows `---`.</summary>
    public static string Method(string code)
    {
        var parts = code.Split("---");
        return $"class Tried\n{{\n    void Run()\n    {{\n{parts[0]}\n    }}\n}}\n{(parts.Length > 1 ? parts[1] : "")}";
    }

    /// <summary>What an analyzer reports, in order. A program that does not compile shows nothing.</summary>
    public async Task<IReadOnlyList<Diagnostic>> Reported(DiagnosticAnalyzer analyzer)
    {
        var compilation = (await Project.GetCompilationAsync())!;
        Assert.Empty(compilation.GetDiagnostics().Where(diagnostic => diagnostic.Severity == DiagnosticSeverity.Error));
        var reported = await compilation.WithAnalyzers([analyzer]).GetAnalyzerDiagnosticsAsync();
        return
        [
            .. reported
                .OrderBy(diagnostic => diagnostic.Location.SourceTree?.FilePath)
                .ThenBy(diagnostic => diagnostic.Location.SourceSpan.Start),
        ];
    }

    public async Task<string[]> Texts() =>
        await Task.WhenAll(Documents.Select(async document => (await document.GetTextAsync()).ToString()));

    public void Dispose() => _workspace.Dispose();

    private static bool IsScript(string source) => source.StartsWith("// script", StringComparison.Ordinal);
}

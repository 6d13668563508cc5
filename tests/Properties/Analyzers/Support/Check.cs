using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CodeActions;
using Microsoft.CodeAnalysis.CodeFixes;
using Microsoft.CodeAnalysis.Diagnostics;
using Xunit;

namespace Properties.Analyzers.Support;

/// <summary>What is reported in a program, and what it is like after the fix.</summary>
internal static class Check
{
    /// <summary>Reports stand where the marks are, and nowhere else; returned are their messages.</summary>
    public static async Task<string[]> Reports(DiagnosticAnalyzer analyzer, params string[] sources)
    {
        var marked = sources.Select(Marked.Read).ToArray();
        using var program = new Program([.. marked.Select(source => source.Text)]);
        var reported = await program.Reported(analyzer);
        foreach (var (source, document) in marked.Zip(program.Documents))
        {
            var tree = await document.GetSyntaxTreeAsync();
            var here = reported.Where(diagnostic => diagnostic.Location.SourceTree == tree).ToList();
            Assert.Equal(
                source.Spans.Select(span => (span, source.Text.Substring(span.Start, span.Length))),
                here.Select(diagnostic => (diagnostic.Location.SourceSpan, Text(source, diagnostic)))
            );
        }
        return [.. reported.Select(diagnostic => diagnostic.GetMessage())];
    }

    /// <summary>The fix of the first report, in its own document; null where none is offered.</summary>
    public static async Task<string?> Fixed(DiagnosticAnalyzer analyzer, CodeFixProvider fixer, string source)
    {
        using var program = new Program(Marked.Read(source).Text);
        var first = (await program.Reported(analyzer))[0];
        if (await Offered(fixer, program.Documents.Single(), first) is not { } action)
            return null;
        program.Solution = await Applied(action);
        Assert.DoesNotContain(
            await program.Reported(analyzer),
            diagnostic => diagnostic.Location.SourceSpan == first.Location.SourceSpan
        );
        return (await program.Texts()).Single();
    }

    /// <summary>All reports of a project fixed at once.</summary>
    public static async Task<string[]> AllFixed(
        DiagnosticAnalyzer analyzer,
        CodeFixProvider fixer,
        params string[] sources
    )
    {
        using var program = new Program([.. sources.Select(source => Marked.Read(source).Text)]);
        var reported = await program.Reported(analyzer);
        var first = program.Project.GetDocument(reported[0].Location.SourceTree)!;
        var key = (await Offered(fixer, first, reported[0]))!.EquivalenceKey;
        var context = new FixAllContext(
            first,
            fixer,
            FixAllScope.Project,
            key,
            fixer.FixableDiagnosticIds,
            new Found(reported),
            CancellationToken.None
        );
        program.Solution = await Applied((await fixer.GetFixAllProvider()!.GetFixAsync(context))!);
        Assert.Empty(await program.Reported(analyzer));
        return await program.Texts();
    }

    private static string Text(Marked source, Diagnostic diagnostic) =>
        source.Text.Substring(diagnostic.Location.SourceSpan.Start, diagnostic.Location.SourceSpan.Length);

    private static async Task<CodeAction?> Offered(CodeFixProvider fixer, Document document, Diagnostic diagnostic)
    {
        CodeAction? offered = null;
        var context = new CodeFixContext(document, diagnostic, (action, _) => offered = action, CancellationToken.None);
        await fixer.RegisterCodeFixesAsync(context);
        return offered;
    }

    private static async Task<Solution> Applied(CodeAction action) =>
        (await action.GetOperationsAsync(CancellationToken.None))
            .OfType<ApplyChangesOperation>()
            .Single()
            .ChangedSolution;

    /// <summary>What was reported, for whoever fixes all of it.</summary>
    private sealed class Found(IReadOnlyList<Diagnostic> reported) : FixAllContext.DiagnosticProvider
    {
        public override Task<IEnumerable<Diagnostic>> GetAllDiagnosticsAsync(Project project, CancellationToken stop) =>
            Task.FromResult<IEnumerable<Diagnostic>>(reported);

        public override async Task<IEnumerable<Diagnostic>> GetDocumentDiagnosticsAsync(
            Document document,
            CancellationToken stop
        )
        {
            var tree = await document.GetSyntaxTreeAsync(stop);
            return reported.Where(diagnostic => diagnostic.Location.SourceTree == tree);
        }

        public override Task<IEnumerable<Diagnostic>> GetProjectDiagnosticsAsync(
            Project project,
            CancellationToken stop
        ) => Task.FromResult<IEnumerable<Diagnostic>>([]);
    }
}

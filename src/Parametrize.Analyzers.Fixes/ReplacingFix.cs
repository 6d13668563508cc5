using System.Collections.Immutable;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CodeActions;
using Microsoft.CodeAnalysis.CodeFixes;

namespace Parametrize.Analyzers;

/// <summary>A fix that replaces one piece of syntax, in one place or in all.</summary>
public abstract class ReplacingFix : CodeFixProvider
{
    private readonly string _rule;
    private readonly string _title;

    private protected ReplacingFix(string rule, string title) => (_rule, _title) = (rule, title);

    /// <inheritdoc/>
    public sealed override ImmutableArray<string> FixableDiagnosticIds => [_rule];

    /// <inheritdoc/>
    public sealed override FixAllProvider GetFixAllProvider() => WellKnownFixAllProviders.BatchFixer;

    /// <inheritdoc/>
    public sealed override async Task RegisterCodeFixesAsync(CodeFixContext context)
    {
        var document = context.Document;
        var root = await document.GetSyntaxRootAsync(context.CancellationToken).ConfigureAwait(false);
        var model = await document.GetSemanticModelAsync(context.CancellationToken).ConfigureAwait(false);
        if (root is null || model is null)
            return;
        var found = root.FindNode(context.Span, getInnermostNodeForTie: true);
        if (Replacement(found, model, context.Diagnostics) is not var (old, changed))
            return;
        context.RegisterCodeFix(
            CodeAction.Create(
                _title,
                _ => Task.FromResult(document.WithSyntaxRoot(root.ReplaceNode(old, changed))),
                equivalenceKey: _rule
            ),
            context.Diagnostics
        );
    }

    /// <summary>
    /// The syntax to replace, and its replacement; null when the replacement would not compile or would have another type.
    /// </summary>
    private protected abstract (SyntaxNode Old, SyntaxNode New)? Replacement(
        SyntaxNode found,
        SemanticModel model,
        ImmutableArray<Diagnostic> diagnostics
    );
}

using System.Collections.Immutable;
using System.Composition;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CodeActions;
using Microsoft.CodeAnalysis.CodeFixes;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Parametrize.Analyzers;

/// <summary>PARAM003: writes `layer.parametrization("weight").Value` for `layer.weight`.</summary>
[ExportCodeFixProvider(LanguageNames.CSharp)]
[Shared]
public sealed class ValueInsteadOfField : CodeFixProvider
{
    private const string Title = "Read the value of the parametrization";

    /// <inheritdoc/>
    public override ImmutableArray<string> FixableDiagnosticIds => [Rules.ReadOutsidePass];

    /// <inheritdoc/>
    public override FixAllProvider GetFixAllProvider() => WellKnownFixAllProviders.BatchFixer;

    /// <inheritdoc/>
    public override async Task RegisterCodeFixesAsync(CodeFixContext context)
    {
        var document = context.Document;
        var root = await document.GetSyntaxRootAsync(context.CancellationToken).ConfigureAwait(false);
        var model = await document.GetSemanticModelAsync(context.CancellationToken).ConfigureAwait(false);
        if (
            root?.FindNode(context.Span, getInnermostNodeForTie: true).Parent is not MemberAccessExpressionSyntax access
        )
            return;
        var value = SyntaxFactory
            .ParseExpression(
                $"{access.Expression.WithoutTrivia()}.parametrization(\"{access.Name.Identifier.ValueText}\").Value"
            )
            .WithTriviaFrom(access);
        if (
            model is null
            || context.Diagnostics.Any(one => one.Properties.ContainsKey(Rules.Joint))
            || !Fits(access, value, model)
        )
            return;
        context.RegisterCodeFix(
            CodeAction.Create(
                Title,
                _ => Task.FromResult(document.WithSyntaxRoot(root.ReplaceNode(access, value))),
                equivalenceKey: Rules.ReadOutsidePass
            ),
            context.Diagnostics
        );
    }

    /// <summary>Whether it compiles there, and a tensor will do: where a Parameter is asked for it does not.</summary>
    private static bool Fits(MemberAccessExpressionSyntax access, ExpressionSyntax value, SemanticModel model)
    {
        var bound = model.GetSpeculativeTypeInfo(access.SpanStart, value, SpeculativeBindingOption.BindAsExpression);
        return bound.Type.IsTensor()
            && (model.GetTypeInfo(access).ConvertedType is not { Name: "Parameter" } || IsOperand(access));
    }

    /// <summary>What makes something else of it, or takes the type that it has.</summary>
    private static bool IsOperand(ExpressionSyntax expression) =>
        expression.Parent switch
        {
            PostfixUnaryExpressionSyntax or ParenthesizedExpressionSyntax => IsOperand(
                (ExpressionSyntax)expression.Parent
            ),
            MemberAccessExpressionSyntax or ElementAccessExpressionSyntax or BinaryExpressionSyntax => true,
            InterpolationSyntax or PrefixUnaryExpressionSyntax => true,
            EqualsValueClauseSyntax { Parent.Parent: VariableDeclarationSyntax { Type.IsVar: true } } => true,
            _ => false,
        };
}

using System.Collections.Immutable;
using System.Composition;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CodeFixes;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Parametrize.Analyzers;

/// <summary>PARAM003: writes `layer.parametrization("weight").Value` for `layer.weight`.</summary>
[ExportCodeFixProvider(LanguageNames.CSharp)]
[Shared]
public sealed class ValueInsteadOfField() : ReplacingFix(Rules.ReadOutsidePass, "Read the value of the parametrization")
{
    private protected override (SyntaxNode Old, SyntaxNode New)? Replacement(
        SyntaxNode found,
        SemanticModel model,
        ImmutableArray<Diagnostic> diagnostics
    )
    {
        if (
            found.Parent is not MemberAccessExpressionSyntax access
            || diagnostics.Any(diagnostic => diagnostic.Properties.ContainsKey(Rules.Joint))
        )
            return null;
        var value = SyntaxFactory
            .ParseExpression(
                $"{access.Expression.WithoutTrivia()}.parametrization(\"{access.Name.Identifier.ValueText}\").Value"
            )
            .WithTriviaFrom(access);
        return Fits(access, value, model) ? (access, value) : null;
    }

    /// <summary>
    /// Whether the replacement compiles there. It does not where a Parameter is expected, because the value is a Tensor.
    /// </summary>
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

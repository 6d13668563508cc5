using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Parametrize.Analyzers;

/// <summary>The word that a message is put under.</summary>
internal static class Names
{
    /// <summary>Without what a generic method is given.</summary>
    public static Location PlaceOf(SyntaxNode syntax) =>
        Of(syntax) is SimpleNameSyntax name ? name.Identifier.GetLocation() : syntax.GetLocation();

    /// <summary>Of `layer.forward(x)` and `layer.forward`: `forward`.</summary>
    public static SyntaxNode Of(SyntaxNode syntax) =>
        syntax switch
        {
            InvocationExpressionSyntax invocation => Of(invocation.Expression),
            MemberAccessExpressionSyntax access => access.Name,
            MemberBindingExpressionSyntax binding => binding.Name,
            ParenthesizedExpressionSyntax parenthesized => Of(parenthesized.Expression),
            _ => syntax,
        };
}

using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Parametrize.Analyzers;

/// <summary>Finds the name in the source under which a diagnostic is shown.</summary>
internal static class Names
{
    /// <summary>The location of the name, without type arguments.</summary>
    public static Location PlaceOf(SyntaxNode syntax) =>
        Of(syntax) is SimpleNameSyntax name ? name.Identifier.GetLocation() : syntax.GetLocation();

    /// <summary>The name of what is called or read: `forward` in `layer.forward(x)` and in `layer.forward`.</summary>
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

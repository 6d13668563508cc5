using System.Collections.Immutable;
using System.Composition;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CodeFixes;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Operations;

namespace Parametrize.Analyzers;

/// <summary>PARAM001: writes `call` for `forward`, where that means the same.</summary>
[ExportCodeFixProvider(LanguageNames.CSharp)]
[Shared]
public sealed class CallInsteadOfForward() : ReplacingFix(Rules.RunByForward, "Write 'call'")
{
    private protected override (SyntaxNode Old, SyntaxNode New)? Replacement(
        SyntaxNode found,
        SemanticModel model,
        ImmutableArray<Diagnostic> diagnostics
    )
    {
        if (found is not SimpleNameSyntax name)
            return null;
        var call = SyntaxFactory.IdentifierName("call").WithTriviaFrom(name);
        SyntaxNode function = name.Parent is MemberAccessExpressionSyntax or MemberBindingExpressionSyntax
            ? name.Parent
            : name;
        if (function.Parent is not InvocationExpressionSyntax invocation || invocation.Expression != function)
            return (name, call);
        if (model.GetOperation(invocation) is not IInvocationOperation operation)
            return null;
        if (IsSame(invocation.ReplaceNode(name, call), invocation, operation, model))
            return (name, call);
        return
            Complete(invocation, operation) is { } list
            && IsSame(invocation.ReplaceNode(name, call).WithArgumentList(list), invocation, operation, model)
            ? (invocation, invocation.ReplaceNode(name, call).WithArgumentList(list))
            : null;
    }

    private static bool IsSame(
        InvocationExpressionSyntax changed,
        InvocationExpressionSyntax invocation,
        IInvocationOperation operation,
        SemanticModel model
    )
    {
        // The call behind `?.` cannot be bound by itself. It fits if all arguments are given in their order and without names.
        if (invocation.Expression is MemberBindingExpressionSyntax)
            return changed.ArgumentList.Arguments.Count == operation.TargetMethod.Parameters.Length
                && changed.ArgumentList.Arguments.All(argument => argument.NameColon is null);
        var bound = model.GetSpeculativeSymbolInfo(
            invocation.SpanStart,
            changed,
            SpeculativeBindingOption.BindAsExpression
        );
        return bound.Symbol is IMethodSymbol method
            && SymbolEqualityComparer.Default.Equals(method.ReturnType, operation.TargetMethod.ReturnType);
    }

    /// <summary>All arguments in the order of the parameters: `call` has other parameter names and no default values.</summary>
    private static ArgumentListSyntax? Complete(InvocationExpressionSyntax invocation, IInvocationOperation operation)
    {
        var arguments = operation.Arguments.OrderBy(argument => argument.Parameter?.Ordinal).Select(Written).ToList();
        return arguments.Contains(null)
            ? null
            : invocation.ArgumentList.WithArguments(
                SyntaxFactory.SeparatedList(arguments.Select(argument => argument!), Commas(arguments.Count))
            );
    }

    private static IEnumerable<SyntaxToken> Commas(int arguments) =>
        Enumerable.Repeat(
            SyntaxFactory.Token(SyntaxKind.CommaToken).WithTrailingTrivia(SyntaxFactory.Space),
            Math.Max(0, arguments - 1)
        );

    private static ArgumentSyntax? Written(IArgumentOperation argument) =>
        argument switch
        {
            { ArgumentKind: ArgumentKind.Explicit, Syntax: ArgumentSyntax syntax } => syntax
                .WithNameColon(null)
                .WithoutTrivia(),
            { ArgumentKind: ArgumentKind.DefaultValue, Value.ConstantValue: { HasValue: true, Value: var value } } =>
                Literal(value) is { } literal ? SyntaxFactory.Argument(literal) : null,
            { ArgumentKind: ArgumentKind.DefaultValue, Value: IDefaultValueOperation } => SyntaxFactory.Argument(
                SyntaxFactory.LiteralExpression(SyntaxKind.DefaultLiteralExpression)
            ),
            _ => null,
        };

    private static LiteralExpressionSyntax? Literal(object? value) =>
        value switch
        {
            null => SyntaxFactory.LiteralExpression(SyntaxKind.NullLiteralExpression),
            true => SyntaxFactory.LiteralExpression(SyntaxKind.TrueLiteralExpression),
            false => SyntaxFactory.LiteralExpression(SyntaxKind.FalseLiteralExpression),
            int number when number >= 0 => SyntaxFactory.LiteralExpression(
                SyntaxKind.NumericLiteralExpression,
                SyntaxFactory.Literal(number)
            ),
            _ => null,
        };
}

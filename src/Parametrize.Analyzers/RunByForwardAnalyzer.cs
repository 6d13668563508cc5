using System.Collections.Immutable;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Operations;

namespace Parametrize.Analyzers;

/// <summary>
/// PARAM001: a module is run by `forward`, or its `forward` is passed as a delegate. Nothing is reported in a forward pass: the
/// `call` around it has computed what was registered through the model, so its children may be run by `forward`.
/// </summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
public sealed class RunByForwardAnalyzer : DiagnosticAnalyzer
{
    /// <inheritdoc/>
    public override ImmutableArray<DiagnosticDescriptor> SupportedDiagnostics => [Rules.RunByForwardRule];

    /// <inheritdoc/>
    public override void Initialize(AnalysisContext context)
    {
        context.ConfigureGeneratedCodeAnalysis(GeneratedCodeAnalysisFlags.None);
        context.EnableConcurrentExecution();
        context.RegisterOperationAction(
            analysis =>
            {
                var invocation = (IInvocationOperation)analysis.Operation;
                Examine(analysis, invocation.TargetMethod, invocation.Instance);
            },
            OperationKind.Invocation
        );
        context.RegisterOperationAction(
            analysis =>
            {
                var reference = (IMethodReferenceOperation)analysis.Operation;
                Examine(analysis, reference.Method, reference.Instance);
            },
            OperationKind.MethodReference
        );
    }

    private static void Examine(OperationAnalysisContext context, IMethodSymbol method, IOperation? module)
    {
        if (
            module is null
            || !method.IsForwardPass()
            || module.Type.HasNoParameters()
            || module.Type.RunsNetworksByCall()
            || IsBase(module)
            || IsInForwardPass(context.ContainingSymbol)
            || context.Operation.IsInScopeOfModel()
            || IsOnlyNamed(context.Operation)
        )
            return;
        var name = Names.Of(context.Operation.Syntax);
        var written = name.Parent is MemberAccessExpressionSyntax access ? access.ToString() : name.ToString();
        context.ReportDiagnostic(Diagnostic.Create(Rules.RunByForwardRule, name.GetLocation(), Short(written)));
    }

    private static bool IsBase(IOperation module) => module.Syntax is BaseExpressionSyntax;

    /// <summary>Whether the code is in a forward pass, which runs inside the `call` of its module.</summary>
    private static bool IsInForwardPass(ISymbol symbol)
    {
        for (var current = symbol; current is IMethodSymbol method; current = current.ContainingSymbol)
            if (method.IsForwardPass())
                return true;
        return false;
    }

    private static bool IsOnlyNamed(IOperation operation)
    {
        for (var outer = operation.Parent; outer is not null; outer = outer.Parent)
            if (outer is INameOfOperation)
                return true;
        return false;
    }

    /// <summary>Messages are one line.</summary>
    private static string Short(string written) =>
        written.Length <= 40 && !written.Contains('\n')
            ? written
            : $"{written.Substring(written.LastIndexOf('.') + 1)}";
}

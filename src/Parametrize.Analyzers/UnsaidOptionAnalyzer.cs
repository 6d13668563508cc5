using System.Collections.Immutable;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Operations;

namespace Parametrize.Analyzers;

/// <summary>
/// PARAM005: a node of a user's own has options, and a text that is the same whatever they are. Nodes of one class are equal when
/// their texts are, and a file holds the text alone.
/// </summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
public sealed class UnsaidOptionAnalyzer : DiagnosticAnalyzer
{
    /// <inheritdoc/>
    public override ImmutableArray<DiagnosticDescriptor> SupportedDiagnostics => [Rules.UnsaidOptionRule];

    /// <inheritdoc/>
    public override void Initialize(AnalysisContext context)
    {
        context.ConfigureGeneratedCodeAnalysis(GeneratedCodeAnalysisFlags.None);
        context.EnableConcurrentExecution();
        context.RegisterOperationAction(Examine, OperationKind.Invocation);
    }

    private static void Examine(OperationAnalysisContext context)
    {
        var call = (IInvocationOperation)context.Operation;
        if (
            call.TargetMethod is { MethodKind: MethodKind.Constructor } made
            && made.ContainingType.IsOwnNode()
            && context.ContainingSymbol
                is IMethodSymbol { MethodKind: MethodKind.Constructor, Parameters: { IsEmpty: false } options }
            && call.Arguments.FirstOrDefault(argument => argument.Parameter?.Name == "code")
                is { Value: { ConstantValue.HasValue: true } } code
        )
            context.ReportDiagnostic(
                Diagnostic.Create(
                    Rules.UnsaidOptionRule,
                    code.Syntax.GetLocation(),
                    code.Syntax.ToString(),
                    string.Join(", ", options.Select(option => option.Name))
                )
            );
    }
}

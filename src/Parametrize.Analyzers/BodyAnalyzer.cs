using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;

namespace Parametrize.Analyzers;

/// <summary>A rule about what follows what in the body of a method that registers something.</summary>
public abstract class BodyAnalyzer : DiagnosticAnalyzer
{
    /// <inheritdoc/>
    public sealed override void Initialize(AnalysisContext context)
    {
        context.ConfigureGeneratedCodeAnalysis(GeneratedCodeAnalysisFlags.None);
        context.EnableConcurrentExecution();
        context.RegisterOperationBlockAction(one =>
        {
            foreach (var block in one.OperationBlocks)
                if (Body.Of(block) is { Registrations.IsEmpty: false } body)
                    foreach (var found in Examine(body))
                        one.ReportDiagnostic(found);
        });
    }

    private protected abstract IEnumerable<Diagnostic> Examine(Body body);
}

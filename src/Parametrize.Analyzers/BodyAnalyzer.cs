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
        context.RegisterOperationBlockAction(analysis =>
        {
            foreach (var block in analysis.OperationBlocks)
                if (Body.Of(block) is { Registrations.IsEmpty: false } body)
                    foreach (var found in Examine(body))
                        analysis.ReportDiagnostic(found);
        });
    }

    private protected abstract IEnumerable<Diagnostic> Examine(Body body);
}

using System.Collections.Immutable;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Operations;

namespace Parametrize.Analyzers;

/// <summary>
/// PARAM004: a module with a tensor that was parametrized in the same method is run by an overload of `call` without hooks,
/// outside of cached scopes for a model.
/// </summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
public sealed class HooklessCallAnalyzer : BodyAnalyzer
{
    /// <inheritdoc/>
    public override ImmutableArray<DiagnosticDescriptor> SupportedDiagnostics => [Rules.HooklessCallRule];

    private protected override IEnumerable<Diagnostic> Examine(Body body)
    {
        foreach (var operation in body.Operations)
            if (
                operation is IInvocationOperation { Instance: { } module } call
                && call.TargetMethod.RunsNoHooks()
                && body.Places.Of(module) is { } place
                && body.RegisteredBefore(call, place) is { } registration
                && !call.IsInScopeOfModel()
            )
                yield return Diagnostic.Create(
                    Rules.HooklessCallRule,
                    Names.Of(call.Syntax).GetLocation(),
                    [registration.Operation.Syntax.GetLocation()],
                    module.Syntax.ToString(),
                    Body.LineOf(registration.Operation)
                );
    }
}

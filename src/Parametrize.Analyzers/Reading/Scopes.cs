using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Operations;

namespace Parametrize.Analyzers;

/// <summary>Whether code stands in a cached scope, as far as its method shows.</summary>
internal static class Scopes
{
    /// <summary>In any scope: tensors are in their fields from their first use on.</summary>
    public static bool IsInScope(this IOperation operation) => Around(operation).Any();

    /// <summary>In a scope of a model: its tensors are in their fields from the beginning.</summary>
    public static bool IsInScopeOfModel(this IOperation operation) =>
        Around(operation).Any(opened => !IsOfNoModel(opened));

    /// <summary>What opens the scopes around it: the expressions, or the declarations.</summary>
    private static IEnumerable<IOperation> Around(IOperation operation)
    {
        for (
            var (inner, outer) = (operation, operation.Parent);
            outer is not null;
            (inner, outer) = (outer, outer.Parent)
        )
        {
            if (outer is IUsingOperation { Resources: var resources, Body: var body } && body == inner)
                foreach (var opened in Opened(resources))
                    yield return opened;
            var statements = outer switch
            {
                IBlockOperation block => block.Operations,
                ISwitchCaseOperation section => section.Body,
                _ => [],
            };
            foreach (var statement in statements.TakeWhile(statement => statement != inner))
            foreach (var opened in Opened(statement))
                yield return opened;
        }
    }

    /// <summary>A declaration without `using` counts as well: where it is disposed is not followed.</summary>
    private static IEnumerable<IOperation> Opened(IOperation resources) =>
        resources switch
        {
            IUsingDeclarationOperation declaration => Opened(declaration.DeclarationGroup),
            IVariableDeclarationGroupOperation group => group
                .Declarations.SelectMany(declaration => declaration.Declarators)
                .Where(declarator => declarator.Symbol.Type.IsScope())
                .Select(declarator => declarator.GetVariableInitializer()?.Value ?? declarator),
            _ when resources.Type.IsScope() => [resources],
            _ => [],
        };

    private static bool IsOfNoModel(IOperation opened) =>
        opened is IInvocationOperation { TargetMethod: { Name: "cached", Parameters.Length: 0 } };
}

using System.Collections.Immutable;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Operations;

namespace Parametrize.Analyzers;

/// <summary>The body of one method, with what is registered in it.</summary>
internal sealed class Body
{
    private Body(ImmutableArray<IOperation> operations)
    {
        Operations = operations;
        Places = new(operations);
        Registrations =
        [
            .. operations
                .OfType<IInvocationOperation>()
                .Select(invocation => Registration.Of(invocation, Places))
                .OfType<Registration>(),
        ];
    }

    /// <summary>All operations of the body, each before the operations inside it.</summary>
    public ImmutableArray<IOperation> Operations { get; }

    public Places Places { get; }

    public ImmutableArray<Registration> Registrations { get; }

    public static Body Of(IOperation block) => new([.. block.DescendantsAndSelf()]);

    /// <summary>
    /// The last registration of a tensor, or of one of a module's tensors, that has certainly run before a use; null if it may
    /// have been removed or replaced since.
    /// </summary>
    public Registration? RegisteredBefore(IOperation use, Place place)
    {
        var registration = Registrations.LastOrDefault(candidate =>
            !candidate.IsRemoval && candidate.Tensors.Any(place.IsAround) && candidate.Operation.MustPrecede(use)
        );
        if (registration is null)
            return null;
        bool IsBetween(IOperation operation) => operation.IsAfter(registration.Operation) && use.IsAfter(operation);
        var isRemoved = Registrations.Any(removal =>
            removal.IsRemoval && IsBetween(removal.Operation) && MayConcern(removal, place)
        );
        var isReplaced = Operations.Any(operation =>
            operation is IAssignmentOperation assignment
            && IsBetween(operation)
            && Places.Of(assignment.Target) is { } target
            && target.IsAround(place)
            && !registration.Tensors.Any(target.Is)
        );
        return isRemoved || isReplaced ? null : registration;
    }

    public static int LineOf(IOperation operation) =>
        operation.Syntax.GetLocation().GetMappedLineSpan().StartLinePosition.Line + 1;

    /// <summary>A removal whose tensor or module is not known may be of any.</summary>
    private static bool MayConcern(Registration removal, Place place) =>
        removal.Module is null || removal.Tensors.IsEmpty || removal.Tensors.Any(place.IsAround);
}

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
                .Select(one => Registration.Of(one, Places))
                .OfType<Registration>(),
        ];
    }

    /// <summary>All of them, what is inside before and behind in the order of the source.</summary>
    public ImmutableArray<IOperation> Operations { get; }

    public Places Places { get; }

    public ImmutableArray<Registration> Registrations { get; }

    public static Body Of(IOperation block) => new([.. block.DescendantsAndSelf()]);

    public static int LineOf(IOperation operation) =>
        operation.Syntax.GetLocation().GetMappedLineSpan().StartLinePosition.Line + 1;
}

using System.Collections.Immutable;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Operations;

namespace Parametrize.Analyzers;

/// <summary>Which code of a method runs after which, without going around a loop.</summary>
internal static class Order
{
    /// <summary>Whether the second can run after the first.</summary>
    public static bool CanPrecede(this IOperation first, IOperation second)
    {
        if (first.Syntax.Span.End > second.Syntax.Span.End || FunctionOf(first) != FunctionOf(second))
            return false;
        var (ways, meeting) = Ways(first, second);
        return !AreAlternatives(meeting, ways.First, ways.Second) && !Leaves(first, meeting);
    }

    /// <summary>Whether the first has run whenever the second runs.</summary>
    public static bool MustPrecede(this IOperation first, IOperation second)
    {
        if (!first.CanPrecede(second))
            return false;
        var (_, meeting) = Ways(first, second);
        if (meeting is ITryOperation)
            return false;
        for (
            var (inner, outer) = (first, first.Parent);
            outer != meeting && outer is not null;
            (inner, outer) = (outer, outer.Parent)
        )
            if (IsOptional(inner, outer))
                return false;
        return true;
    }

    /// <summary>Whether it ends later in the source.</summary>
    public static bool IsAfter(this IOperation later, IOperation earlier) =>
        later.Syntax.Span.End > earlier.Syntax.Span.End;

    /// <summary>The lambda or local function around it; null for the body of the method.</summary>
    public static IOperation? FunctionOf(IOperation operation)
    {
        for (var outer = operation.Parent; outer is not null; outer = outer.Parent)
            if (outer is IAnonymousFunctionOperation or ILocalFunctionOperation)
                return outer;
        return null;
    }

    public static IEnumerable<ILoopOperation> LoopsAround(IOperation operation)
    {
        for (var outer = operation.Parent; outer is not null and not IAnonymousFunctionOperation; outer = outer.Parent)
            if (outer is ILoopOperation loop)
                yield return loop;
    }

    /// <summary>The innermost operation around both, and the children of it that contain each.</summary>
    private static ((IOperation First, IOperation Second), IOperation? Meeting) Ways(
        IOperation first,
        IOperation second
    )
    {
        var path = new Dictionary<IOperation, IOperation>();
        for (var (inner, outer) = (first, first.Parent); outer is not null; (inner, outer) = (outer, outer.Parent))
            path[outer] = inner;
        for (var (inner, outer) = (second, second.Parent); outer is not null; (inner, outer) = (outer, outer.Parent))
            if (path.TryGetValue(outer, out var way))
                return ((way, inner), outer);
        return ((first, second), null);
    }

    private static bool AreAlternatives(IOperation? meeting, IOperation first, IOperation second) =>
        meeting switch
        {
            IConditionalOperation choice => first != choice.Condition && second != choice.Condition,
            ISwitchOperation choice => first != choice.Value && second != choice.Value,
            ISwitchExpressionOperation choice => first != choice.Value && second != choice.Value,
            _ => false,
        };

    private static bool IsOptional(IOperation inner, IOperation outer) =>
        outer switch
        {
            IConditionalOperation choice => inner != choice.Condition,
            ISwitchOperation choice => inner != choice.Value,
            ISwitchExpressionOperation choice => inner != choice.Value,
            IForEachLoopOperation loop => inner != loop.Collection,
            ILoopOperation => true,
            ICoalesceOperation coalescing => inner != coalescing.Value,
            IBinaryOperation
            {
                OperatorKind: BinaryOperatorKind.ConditionalAnd or BinaryOperatorKind.ConditionalOr
            } both => inner != both.LeftOperand,
            ICatchClauseOperation => true,
            _ => false,
        };

    /// <summary>
    /// Whether a `return`, `throw` or jump behind the operation leaves the `meeting`, so that code behind the `meeting` does not
    /// run.
    /// </summary>
    private static bool Leaves(IOperation operation, IOperation? meeting)
    {
        for (
            var (inner, outer) = (operation, operation.Parent);
            outer is not null && outer != meeting;
            (inner, outer) = (outer, outer.Parent)
        )
        {
            var behind = outer switch
            {
                IBlockOperation block => Behind(block.Operations, inner),
                ISwitchCaseOperation section => Behind(section.Body, inner),
                _ => [],
            };
            foreach (var statement in behind)
                if (
                    statement
                    is IReturnOperation
                        or IThrowOperation
                        or IExpressionStatementOperation { Operation: IThrowOperation }
                )
                    return true;
                else if (statement is IBranchOperation)
                    return outer is not ISwitchCaseOperation && IsBelow(outer, meeting);
            if (inner is IReturnOperation)
                return true;
        }
        return false;
    }

    /// <summary>Whether the loop of a `break` or `continue` is around the `meeting`, not inside it.</summary>
    private static bool IsBelow(IOperation operation, IOperation? meeting)
    {
        for (var outer = operation.Parent; outer is not null && outer != meeting; outer = outer.Parent)
            if (outer is ILoopOperation)
                return false;
        return true;
    }

    private static IEnumerable<IOperation> Behind(ImmutableArray<IOperation> statements, IOperation statement) =>
        statements.SkipWhile(other => other != statement).Skip(1);
}

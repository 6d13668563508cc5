using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Operations;

namespace Parametrize.Analyzers;

/// <summary>Where the expressions of one method body lead: variables that are assigned once stand for their values.</summary>
internal sealed class Places
{
    /// <summary>The initial values of local variables that are not assigned later.</summary>
    private readonly Dictionary<ISymbol, IOperation> _values = new(SymbolEqualityComparer.Default);

    /// <summary>What a variable of `foreach` comes from.</summary>
    private readonly Dictionary<ISymbol, IOperation> _collections = new(SymbolEqualityComparer.Default);

    public Places(IEnumerable<IOperation> body)
    {
        var assigned = new HashSet<ISymbol>(SymbolEqualityComparer.Default);
        foreach (var operation in body)
            switch (operation)
            {
                case IVariableDeclaratorOperation declarator
                    when declarator.GetVariableInitializer() is { } initializer:
                    _values[declarator.Symbol] = initializer.Value;
                    break;
                case IForEachLoopOperation loop:
                    foreach (var local in loop.Locals)
                        _collections[local] = loop.Collection;
                    break;
                case IAssignmentOperation { Target: ILocalReferenceOperation target }:
                    assigned.Add(target.Local);
                    break;
                case IArgumentOperation { Parameter.RefKind: RefKind.Ref or RefKind.Out } argument
                    when argument.Value is ILocalReferenceOperation target:
                    assigned.Add(target.Local);
                    break;
            }
        foreach (var local in assigned)
            _values.Remove(local);
    }

    /// <summary>The place to which an expression refers; null when it refers to none that has a name.</summary>
    public Place? Of(IOperation? expression)
    {
        switch (expression)
        {
            case IConversionOperation conversion:
                return Of(conversion.Operand);
            case IParenthesizedOperation parenthesized:
                return Of(parenthesized.Operand);
            case IInstanceReferenceOperation
            {
                ReferenceKind: InstanceReferenceKind.ContainingTypeInstance,
                Type: { } type
            }:
                return new(type, []);
            case IParameterReferenceOperation parameter:
                return new(parameter.Parameter, []);
            case ILocalReferenceOperation local:
                return OfLocal(local.Local);
            case IFieldReferenceOperation field:
                return OfMember(field);
            case IPropertyReferenceOperation { Arguments.IsEmpty: true } property:
                return OfMember(property);
            case IPropertyReferenceOperation { Arguments.Length: 1 } indexed:
                return Of(indexed.Instance)?.Then(StepOf(indexed.Arguments[0].Value));
            case IConditionalAccessInstanceOperation instance:
                return Of(Accessed(instance));
            case IInvocationOperation invocation when IsFluent(invocation):
                return Of(ReceiverOf(invocation));
            case IInvocationOperation invocation when FindsInside(invocation.TargetMethod):
                return Of(ReceiverOf(invocation))?.Then(Unknown(invocation));
            default:
                return null;
        }
    }

    /// <summary>The value of a local that is assigned once, else the expression itself.</summary>
    public IOperation Value(IOperation expression) =>
        expression is ILocalReferenceOperation local && _values.TryGetValue(local.Local, out var value)
            ? value
            : expression;

    /// <summary>Whether one module is the other or has it inside, as far as can be seen.</summary>
    public bool IsAround(Place outer, Place inner) => IsAround(outer, inner, depth: 0);

    /// <summary>Where the result of an expression is kept: the variable that it is assigned to, if any.</summary>
    public Place? KeptIn(IOperation expression)
    {
        for (
            var (child, parent) = (expression, expression.Parent);
            parent is not null;
            (child, parent) = (parent, parent.Parent)
        )
            switch (parent)
            {
                case IVariableDeclaratorOperation declarator:
                    return new(declarator.Symbol, []);
                case ISimpleAssignmentOperation assignment:
                    return Of(assignment.Target);
                case IInvocationOperation invocation when IsFluent(invocation) && IsReceiver(child):
                case IVariableInitializerOperation
                or IConversionOperation
                or IParenthesizedOperation
                or IArgumentOperation:
                    break;
                default:
                    return null;
            }
        return null;
    }

    /// <summary>What a method is called on; of a static method, its first argument.</summary>
    public static IOperation? ReceiverOf(IInvocationOperation invocation) =>
        invocation.Instance ?? invocation.Arguments.FirstOrDefault(argument => argument.Parameter?.Ordinal == 0)?.Value;

    private static bool IsReceiver(IOperation operation) => operation is IArgumentOperation { Parameter.Ordinal: 0 };

    /// <summary>Verbs that return the module that they are called on: `T orthogonal&lt;T&gt;(this T module)`.</summary>
    private static bool IsFluent(IInvocationOperation invocation) =>
        invocation.TargetMethod is { IsStatic: true, OriginalDefinition: { Parameters.IsEmpty: false } method }
        && method.ReturnType is ITypeParameterSymbol result
        && SymbolEqualityComparer.Default.Equals(result, method.Parameters[0].Type);

    /// <summary>
    /// Whether the method returns a module or tensor that its receiver contains, such as `model.modules().First()`.
    /// </summary>
    private static bool FindsInside(IMethodSymbol method) =>
        (!method.IsStatic || method.IsExtensionMethod)
        && method.ContainingNamespace.ToDisplayString() is var space
        && (space.StartsWith("TorchSharp", StringComparison.Ordinal) || space == "System.Linq");

    private Place OfLocal(ILocalSymbol local)
    {
        if (_collections.TryGetValue(local, out var collection) && Of(collection) is { } place)
            return place.Then(local.Name + "?");
        return _values.TryGetValue(local, out var value) && Of(value) is { } other ? other : new(local, []);
    }

    private Place? OfMember(IMemberReferenceOperation reference) =>
        reference.Instance is null ? new(reference.Member, []) : Of(reference.Instance)?.Then(reference.Member.Name);

    private static string StepOf(IOperation index) =>
        index.ConstantValue is { HasValue: true, Value: { } value } ? $"{value}" : Unknown(index);

    private static string Unknown(IOperation step) => $"?{step.Syntax.SpanStart}";

    private static IOperation? Accessed(IOperation instance)
    {
        for (var operation = instance; operation is not null; operation = operation.Parent)
            if (operation.Parent is IConditionalAccessOperation access && access.WhenNotNull == operation)
                return access.Operation;
        return null;
    }

    private bool IsAround(Place outer, Place inner, int depth)
    {
        if (outer.IsAround(inner))
            return true;
        return depth < 4
            && outer.IsVariable
            && _values.TryGetValue(outer.Root, out var value)
            && PutInto(value).Any(part => IsAround(part, inner, depth + 1));
    }

    /// <summary>The modules of which an expression makes another: `Sequential(first, second)`.</summary>
    private IEnumerable<Place> PutInto(IOperation made) =>
        made switch
        {
            IConversionOperation conversion => PutInto(conversion.Operand),
            IInvocationOperation or IObjectCreationOperation when made.Type.IsModule() => made.Descendants()
                .Where(part => part.Type.IsModule())
                .Select(Of)
                .OfType<Place>(),
            _ => [],
        };
}

using System.Collections.Immutable;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Operations;

namespace Parametrize.Analyzers;

/// <summary>PARAM003: a tensor is read from its field after it was parametrized in the same method, outside of cached scopes.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
public sealed class ReadOutsidePassAnalyzer : BodyAnalyzer
{
    /// <summary>What a placeholder tells as the tensor would.</summary>
    private static readonly ImmutableHashSet<string> Lasting = ["device", "device_type", "device_index", "dtype"];

    /// <inheritdoc/>
    public override ImmutableArray<DiagnosticDescriptor> SupportedDiagnostics => [Rules.ReadOutsidePassRule];

    private protected override IEnumerable<Diagnostic> Examine(Body body)
    {
        foreach (var operation in body.Operations)
            if (
                operation
                    is IMemberReferenceOperation { Instance: not null } read
                        and (IFieldReferenceOperation or IPropertyReferenceOperation)
                && read.Type.IsTensor()
                && IsReadForItsValue(read)
                && body.Places.Of(read) is { } place
                && Parametrizing(read, place, body) is { } registration
                && !read.IsInScope()
            )
                yield return Report(read, registration);
    }

    private static Diagnostic Report(IMemberReferenceOperation read, Registration registration)
    {
        var name = Names.Of(read.Syntax);
        var module = read.Instance!.Syntax.ToString();
        return Diagnostic.Create(
            Rules.ReadOutsidePassRule,
            name.GetLocation(),
            [registration.Operation.Syntax.GetLocation()],
            registration.IsJoint ? ImmutableDictionary<string, string?>.Empty.Add(Rules.Joint, null) : null,
            $"{module}.{read.Member.Name}",
            Body.LineOf(registration.Operation),
            $"{module}.parametrization(\"{registration.TitleOf(read.Member.Name)}\").Value"
        );
    }

    /// <summary>The last registration that has certainly run, where nothing has been undone since.</summary>
    private static Registration? Parametrizing(IOperation read, Place tensor, Body body)
    {
        var registration = body.Registrations.LastOrDefault(one =>
            !one.IsRemoval && one.Tensors.Any(tensor.Is) && one.Operation.MustPrecede(read)
        );
        if (registration is null)
            return null;
        bool IsBetween(IOperation one) => one.IsAfter(registration.Operation) && read.IsAfter(one);
        var isRemoved = body.Registrations.Any(one =>
            one.IsRemoval && IsBetween(one.Operation) && IsPerhaps(one, tensor)
        );
        var isReplaced = body.Operations.Any(one =>
            one is IAssignmentOperation assignment
            && IsBetween(one)
            && body.Places.Of(assignment.Target) is { } target
            && target.IsAround(tensor)
            && !target.Is(tensor)
        );
        return isRemoved || isReplaced ? null : registration;
    }

    /// <summary>A removal whose tensor or module is not known may be of any.</summary>
    private static bool IsPerhaps(Registration removal, Place tensor) =>
        removal.Module is null || removal.Tensors.IsEmpty || removal.Tensors.Any(tensor.Is);

    /// <summary>Not where it is assigned, compared with null, only named, or asked for what does not depend on its value.</summary>
    private static bool IsReadForItsValue(IOperation read)
    {
        var (one, parent) = (read, read.Parent);
        while (parent is IConversionOperation or IParenthesizedOperation)
            (one, parent) = (parent, parent.Parent);
        return parent switch
        {
            IAssignmentOperation assignment => assignment.Target != one,
            INameOfOperation or IIsPatternOperation or ITypeOfOperation => false,
            IBinaryOperation { OperatorKind: BinaryOperatorKind.Equals or BinaryOperatorKind.NotEquals } comparison =>
                !IsNull(comparison.LeftOperand) && !IsNull(comparison.RightOperand),
            IPropertyReferenceOperation property when property.Instance == one => !Lasting.Contains(
                property.Property.Name
            ),
            IArgumentOperation { Parent: IInvocationOperation { TargetMethod.Name: nameof(ReferenceEquals) } } => false,
            IArgumentOperation { Parameter.RefKind: RefKind.Ref or RefKind.Out } => false,
            _ => true,
        };
    }

    private static bool IsNull(IOperation operand) => operand.ConstantValue is { HasValue: true, Value: null };
}

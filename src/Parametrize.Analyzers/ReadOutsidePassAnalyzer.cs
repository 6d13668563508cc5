using System.Collections.Immutable;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Operations;

namespace Parametrize.Analyzers;

/// <summary>PARAM003: a tensor is read from its field after it was parametrized in the same method, outside of cached scopes.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
public sealed class ReadOutsidePassAnalyzer : BodyAnalyzer
{
    /// <summary>Properties that are the same for the placeholder and the tensor.</summary>
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
                && body.RegisteredBefore(read, place) is { } registration
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

    /// <summary>
    /// Whether the value of the tensor is read. It is not where the field is assigned, compared with null or named, or where a
    /// property is read that the placeholder has, too.
    /// </summary>
    private static bool IsReadForItsValue(IOperation read)
    {
        var (child, parent) = (read, read.Parent);
        while (parent is IConversionOperation or IParenthesizedOperation)
            (child, parent) = (parent, parent.Parent);
        return parent switch
        {
            IAssignmentOperation assignment => assignment.Target != child,
            INameOfOperation or IIsPatternOperation or ITypeOfOperation => false,
            IBinaryOperation { OperatorKind: BinaryOperatorKind.Equals or BinaryOperatorKind.NotEquals } comparison =>
                !IsNull(comparison.LeftOperand) && !IsNull(comparison.RightOperand),
            // Setting `requires_grad` of the field freezes the parameters, and reads no value.
            IPropertyReferenceOperation { Property.Name: "requires_grad", Parent: IAssignmentOperation setting } flag
                when flag.Instance == child && setting.Target == flag => false,
            IPropertyReferenceOperation property when property.Instance == child => !Lasting.Contains(
                property.Property.Name
            ),
            IArgumentOperation { Parent: IInvocationOperation { TargetMethod.Name: nameof(ReferenceEquals) } } => false,
            IArgumentOperation { Parameter.RefKind: RefKind.Ref or RefKind.Out } => false,
            _ => true,
        };
    }

    private static bool IsNull(IOperation operand) => operand.ConstantValue is { HasValue: true, Value: null };
}

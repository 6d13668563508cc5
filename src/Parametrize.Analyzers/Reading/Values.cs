using System.Collections.Immutable;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Operations;

namespace Parametrize.Analyzers;

/// <summary>
/// Which values have parameters other than a single one of the tensor's shape, so that registering makes new parameters.
/// </summary>
internal static class Values
{
    /// <summary>Members of `Parametrizations`. A test compares them with every value that there is.</summary>
    private static readonly ImmutableHashSet<string> OfSeveral =
    [
        "WeightNorm",
        "Simplex", // Of fewer numbers than the tensor has.
        "Toeplitz",
        "Hankel",
        "Circulant",
        "SumToZero",
        "LinearlyConstrained",
        "Kronecker",
        "SimplexBy",
        "DoublyStochastic",
        "LowRank",
        "Lora",
        "RsLora",
        "Dora",
        "Oft", // Of fewer numbers than the tensor has, as the other adapters.
        "FixedRank",
        "Svd",
        "SvdFull",
        "Conditioned",
        "SchurForm",
        "Hurwitz",
        "SchurStable",
        "AlmostOrthogonal",
        "AlmostOrthogonalOf",
        "SpdWithTrace",
        "Eigen",
        "EigenFull",
        "Psd",
        "PsdLowRank",
        "PsdFixedRank",
        "Correlation", // Of fewer numbers than the tensor has.
        "CorrelationCholesky",
        "Sum",
        "Product",
        "BlockDiagonal",
        "Slices",
        "Where",
        "Gain",
        "SigmaReparametrized",
    ];

    /// <summary>Whether an expression is such a value, or is made of one, as far as the method shows it.</summary>
    public static bool AreOfSeveral(IOperation value, Places places) =>
        places.Value(value).DescendantsAndSelf().Any(part => IsOfSeveral(part) || IsNamed(part, value, places));

    private static bool IsNamed(IOperation part, IOperation value, Places places) =>
        part is ILocalReferenceOperation
        && part != value
        && places.Value(part) is var named
        && named != part
        && AreOfSeveral(named, places);

    private static bool IsOfSeveral(IOperation part) =>
        part.Type.IsNodeOfSeveral()
        || MemberOf(part) is { ContainingType.Name: "Parametrizations" } member
            && member.ContainingNamespace.ToDisplayString() == "Parametrize.CSharp"
            && OfSeveral.Contains(member.Name)
        // `SpdBy` with another map has a single parameter of the tensor's shape.
        || MemberOf(part) is { ContainingType.Name: "SpdMap", Name: "Eigenvalues" };

    private static ISymbol? MemberOf(IOperation part) =>
        part switch
        {
            IInvocationOperation call => call.TargetMethod,
            IPropertyReferenceOperation read => read.Property,
            _ => null,
        };
}

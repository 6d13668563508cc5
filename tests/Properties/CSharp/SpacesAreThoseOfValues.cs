using System.Reflection;
using Microsoft.FSharp.Collections;
using Parametrize;
using Parametrize.CSharp;
using Xunit;

namespace Properties.CSharp;

/// <summary>A space is that of the value of its name: nodes of one's own in it stand where that value may stand.</summary>
public class SpacesAreThoseOfValues
{
    private static readonly Dictionary<string, (Space Space, Parametrization Value, string Name)> All = new()
    {
        ["All"] = (Spaces.All, Parametrizations.WeightNorm(), "all tensors"),
        ["Symmetric"] = (Spaces.Symmetric, Parametrizations.Symmetric, "symmetric matrices"),
        ["Hermitian"] = (Spaces.Hermitian, Parametrizations.Hermitian, "Hermitian matrices"),
        ["Skew"] = (Spaces.Skew, Parametrizations.Skew, "skew-symmetric matrices"),
        ["SkewHermitian"] = (Spaces.SkewHermitian, Parametrizations.SkewHermitian, "skew-Hermitian matrices"),
        ["Diagonal"] = (Spaces.Diagonal, Parametrizations.Diagonal, "diagonal matrices"),
        ["Stiefel"] = (Spaces.Stiefel, Parametrizations.Orthogonal(), "matrices with orthonormal columns or rows"),
        ["PositiveDefinite"] = (Spaces.PositiveDefinite, Parametrizations.Spd(), "positive definite matrices"),
        ["PositiveDeterminant"] = (
            Spaces.PositiveDeterminant,
            Parametrizations.Invertible,
            "matrices with positive determinant"
        ),
        ["Positive"] = (Spaces.Positive, Parametrizations.Positive, "positive tensors"),
        ["NonNegative"] = (Spaces.NonNegative, Parametrizations.PositiveBy(PositiveMap.Square), "non-negative tensors"),
        ["Triangular, lower"] = (
            Spaces.Triangular(Triangle.Lower),
            Parametrizations.Triangular(Triangle.Lower),
            "lower triangular matrices"
        ),
        ["Triangular, upper"] = (
            Spaces.Triangular(Triangle.Upper),
            Parametrizations.Triangular(Triangle.Upper),
            "upper triangular matrices"
        ),
        ["Interval"] = (Spaces.Interval(-1.5, 3), Parametrizations.Bounded(-1.5, 3), "tensors between -1.5 and 3"),
        ["Sphere"] = (Spaces.Sphere(2.5), Parametrizations.Sphere(2.5), "vectors of norm 2.5"),
    };

    public static TheoryData<string> Names => [.. All.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void The_space_is_that_of_the_value(string name)
    {
        var (space, value, words) = All[name];
        Assert.Equal(value.Nodes[^1].Codomain(ListModule.OfArray([Spaces.All])), space);
        Assert.Equal(words, space.Name);
    }

    [Fact]
    public void No_space_is_missing() =>
        Assert.Equal(
            typeof(Spaces)
                .GetMembers(BindingFlags.Public | BindingFlags.Static)
                .Where(member => member is PropertyInfo or MethodInfo { IsSpecialName: false })
                .Select(member => member.Name)
                .Order(),
            All.Keys.Select(name => name.Split(',')[0]).Distinct().Order()
        );
}

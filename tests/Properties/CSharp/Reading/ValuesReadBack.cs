using Parametrize;
using Parametrize.CSharp;
using Xunit;

namespace Properties.CSharp.Reading;

/// <summary>What C# prints is what F# prints.</summary>
public class ValuesReadBack
{
    public static TheoryData<string> Codes => [.. EveryValue.All.Select(value => value.Code)];

    [Theory]
    [MemberData(nameof(Codes))]
    public void The_text_and_the_expression_are_equal(string code)
    {
        var value = EveryValue.All.First(value => value.Code == code).Make();
        Assert.Equal(Parametrizations.Parse(code), value);
        Assert.Equal(code, $"{value}");
        Assert.Equal(Parametrizations.Parse(code).ToCSharp(), value.ToCSharp());
    }

    public static TheoryData<string> OtherNames => [.. EveryValue.OtherNames.Select(value => value.Code)];

    [Theory]
    [MemberData(nameof(OtherNames))]
    public void Names_that_print_as_others_mean_the_same_in_both(string code)
    {
        var value = EveryValue.OtherNames.First(value => value.Code == code).Make();
        Assert.Equal(Parametrizations.Parse(code), value);
        Assert.NotEqual(code, $"{value}");
    }

    [Fact]
    public void What_is_left_out_is_the_default() =>
        Assert.Equal(
            Parametrizations.AlmostOrthogonal(0.5, AlmostOrthogonalMap.Sine),
            Parametrizations.AlmostOrthogonal(0.5)
        );

    [Fact]
    public void A_value_is_typed_as_in_CSharp() =>
        Assert.Equal(
            "Parametrizations.Skew.Then(Parametrizations.Cayley())",
            Parametrizations.Skew.Then(Parametrizations.Cayley()).ToCSharp()
        );

    /// <summary>Members whose values print under other names.</summary>
    [Fact]
    public void Short_names_are_those_of_FSharp()
    {
        Assert.Equal(Parametrize.Values.LowRankValues.conditioned(2), Parametrizations.Conditioned(2));
        Assert.Equal("svdFull [ orthogonal; boundedRatio 2.0; orthogonal ]", $"{Parametrizations.Conditioned(2)}");
        Assert.Equal(Parametrize.Values.ContractionValues.lipschitz(2), Parametrizations.Lipschitz(2));
        Assert.NotEqual(Parametrizations.Lipschitz(2), Parametrizations.Conditioned(2));
    }

    [Theory]
    [InlineData(
        "skew >>> caley",
        "Position 9: a value of the library (did you mean cayley?) was expected, but found 'caley'."
    )]
    [InlineData("sphere", "Position 6: a floating-point number such as 1.0 was expected, but found the end.")]
    public void A_wrong_text_is_a_FormatException_that_names_the_place(string code, string message) =>
        Assert.Equal(message, Assert.Throws<FormatException>(() => Parametrizations.Parse(code)).Message);

    [Fact]
    public void Values_are_joined()
    {
        var joined = Parametrizations.Joined(
            Parametrizations.WeightNorm(),
            Parametrizations.Identity,
            Parametrizations.Identity
        );
        Assert.Equal(Parametrizations.WeightNorm(), joined);
        Assert.Equal(joined, Parametrizations.Parse("joined [ identity; identity ] (weightNorm 0)"));
        Assert.Throws<ArgumentException>(() => Parametrizations.Joined(Parametrizations.Skew, []));
    }
}

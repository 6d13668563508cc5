using Parametrize;
using Parametrize.CSharp;
using Parametrize.Laws;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp;

/// <summary>The laws as tests of xunit, on nodes of one's own.</summary>
public class OwnNodesKeepTheLaws
{
    private sealed class Even() : CustomNode("even", "rows that are palindromes")
    {
        protected override Tensor Forward(Tensor input) => (input + input.flip(-1)) / 2;

        protected override Tensor RightInverse(Tensor value) => value;
    }

    private sealed class Skew() : CustomNode("mySkew", Spaces.Skew)
    {
        protected override Tensor Forward(Tensor input) => input.triu(1) - input.triu(1).mT;

        protected override Tensor RightInverse(Tensor value) => value.triu(1);

        protected override Tensor Nearest(Tensor value) => (value - value.mT) / 2;
    }

    /// <summary>Its image is halved, and its right inverse does not know.</summary>
    private sealed class Halved() : CustomNode("halved", "all tensors")
    {
        protected override Tensor Forward(Tensor input) => input / 2;

        protected override Tensor RightInverse(Tensor value) => value;
    }

    private sealed class Noisy() : CustomNode("noisy", Spaces.All), INoisy
    {
        public Tensor ForwardInTraining(Tensor[] inputs, Tensor[] buffers) => inputs[0] + 1;

        protected override Tensor Forward(Tensor input) => input.clone();

        protected override Tensor RightInverse(Tensor value) => value;
    }

    private sealed class OneWay() : CustomNode("oneWay", "tensors between -1 and 1")
    {
        public override bool HasRightInverse => false;

        protected override Tensor Forward(Tensor input) => input.sin();

        protected override Tensor RightInverse(Tensor value) => throw new NotSupportedException();
    }

    public static TheoryData<ValueLaw> OfEven =>
        new(
            ValueLaws.Of(
                Parametrizations.Of(new Even()),
                [
                    [4],
                    [2, 5],
                ],
                cases: 20
            )
        );

    public static TheoryData<ValueLaw> OfSkew =>
        new(
            ValueLaws.Of(
                Parametrizations.Of(new Skew()),
                [
                    [3, 3],
                    [4, 4],
                ],
                cases: 20,
                outside: tensor => tensor + 1,
                again: () => Parametrizations.Of(new Skew())
            )
        );

    public static TheoryData<ValueLaw> OfNoisy =>
        new(
            ValueLaws.Of(
                Parametrizations.Of(new Noisy()),
                [
                    [],
                    [3],
                ],
                cases: 20,
                isBijective: true
            )
        );

    public static TheoryData<ValueLaw> OfOneWay =>
        new(
            ValueLaws.Of(
                Parametrizations.Of(new OneWay()),
                [
                    [4],
                ],
                cases: 20,
                scales: [1e-3, 1]
            )
        );

    public static TheoryData<ValueLaw> OfTheLibrary =>
        new(
            ValueLaws.Of(
                Parametrizations.Orthogonal(),
                [
                    [3, 3],
                    [4, 2],
                ],
                cases: 5,
                accuracy: 1e4,
                scales: [0.1, 1]
            )
        );

    [Theory]
    [MemberData(nameof(OfEven))]
    [MemberData(nameof(OfSkew))]
    [MemberData(nameof(OfNoisy))]
    [MemberData(nameof(OfOneWay))]
    [MemberData(nameof(OfTheLibrary))]
    public void Every_law_that_applies(ValueLaw law) => law.Check();

    [Fact]
    public void A_broken_law_says_which_and_where()
    {
        var laws = ValueLaws.Of(
            Parametrizations.Of(new Halved()),
            [
                [4],
            ],
            cases: 10,
            seed: 3,
            elementTypes: [ScalarType.Float32, ScalarType.Float64],
            devices: [CPU]
        );
        var error = Assert.Throws<LawsBrokenException>(laws.Check);
        var broken = error.Broken.Single(found => found.Law == "forward undoes the right inverse");
        Assert.Equal([1L], broken.Case.Shape);
        Assert.Equal(ScalarType.Float64, broken.Case.Dtype);
        Assert.Contains("halved", broken.Message);
        Assert.Contains("is broken by", laws.Specification());
        Assert.Equal(laws[0].Name, laws[0].ToString());
        Assert.Equal(laws.Count, laws.Count());
    }

    [Fact]
    public void A_law_without_need_of_it_does_not_ask_for_a_right_inverse()
    {
        var laws = ValueLaws.Of(
            Parametrizations.Of(new OneWay()),
            [
                [4],
            ]
        );
        Assert.DoesNotContain(laws, law => law.Name == "forward undoes the right inverse");
        Assert.Contains(laws, law => law.Name == "nothing leaks");
    }
}

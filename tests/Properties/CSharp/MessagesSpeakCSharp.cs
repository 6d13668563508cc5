using Parametrize.CSharp;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp;

/// <summary>What users of C# read names what C# has, and begins with a name or with what is wrong.</summary>
public class MessagesSpeakCSharp
{
    [Fact]
    public void A_tensor_without_a_name_has_none_in_messages()
    {
        var free = new ParametrizedTensor(Parametrizations.Skew, zeros(2, 2));
        Message[] messages =
        [
            new(() => free.Value = ones(2, 2), "The tensor is not allowed by skew"),
            new(() => free.Value = ones(3, 3), "skew expects shape [2, 2]"),
            new(() => free.Assign(ones(2, 2), WhenNotAllowed.Refuse), "The tensor is not allowed by skew"),
            new(
                () => _ = new ParametrizedTensor(Parametrizations.Skew, ones(2, 2), WhenNotAllowed.Refuse),
                "The tensor is not allowed by skew"
            ),
            new(() => _ = new ParametrizedTensor(Parametrizations.Skew, ones(3)), "skew expects a matrix"),
            new(() => Reinterpret(new Narrowing()), "narrowing makes"),
            new(() => Reinterpret(new Spoiling()), "spoiling makes NaN"),
        ];
        Assert.All(
            messages,
            message => Assert.StartsWith(message.Start, Assert.ThrowsAny<Exception>(message.Act).Message)
        );
    }

    private static void Reinterpret(CustomNode node) =>
        _ = new ParametrizedTensor(Parametrizations.Of(node), ones(3), WhenNotAllowed.Reinterpret);

    [Fact]
    public void A_tensor_of_a_module_is_named()
    {
        var layer = nn.Linear(2, 2).register_parametrization("weight", Parametrizations.Skew);
        var error = Assert.Throws<ParametrizationException>(() => layer.parametrization("weight").Value = ones(2, 2));
        Assert.StartsWith("Linear.weight: The tensor is not allowed by skew", error.Message);
        layer.remove_parametrizations("weight");
        var holder = new Holder();
        var none = Assert.Throws<InvalidOperationException>(() => holder.update_base("held"));
        Assert.StartsWith("held is skew, which has no base", none.Message);
        foreach (
            var map in (string[])
                ["Orthogonal", "Cayley", "MatrixExp", "Householder", "SphereExp", "Grassmann", "Symplectic"]
        )
        {
            Assert.Contains($"`{map}`", none.Message);
            Assert.NotEmpty(typeof(Parametrizations).GetMember(map));
        }
    }

    [Fact]
    public void How_one_projects_is_said_in_the_words_of_the_language()
    {
        const string advice = "Assign a tensor of that space, or project it (`Project`, `WhenNotAllowed.Project`).";
        var error = Assert.Throws<ParametrizationException>(() =>
            new ParametrizedTensor(Parametrizations.Skew, ones(2, 2), WhenNotAllowed.Refuse)
        );
        Assert.EndsWith(advice, error.Message);
        // The error itself is the core's, for every language.
        Assert.EndsWith("Assign a tensor of that space, or project it.", error.Error.Message);
        Assert.DoesNotContain("`", error.Error.Message);

        var model = nn.Sequential(("fc", nn.Linear(2, 2)));
        model.register_parametrization("fc.weight", Parametrizations.Skew);
        var state = new Dictionary<string, Tensor> { ["fc.weight"] = ones(2, 2), ["fc.bias"] = ones(2) };
        var refusal = Assert.Throws<StateDictException>(() => model.load_parametrized_state_dict(state));
        Assert.EndsWith("or project it. Or load with WhenNotAllowed.Project.", Assert.Single(refusal.Problems));
    }

    private sealed record Message(Action Act, string Start);

    private sealed class Holder : nn.Module
    {
        private readonly ParametrizedTensor held = new(Parametrizations.Skew, zeros(2, 2));

        public Holder()
            : base(nameof(Holder)) => RegisterComponents();

        public Tensor Read() => held.Value;
    }

    private sealed class Narrowing() : CustomNode("narrowing", "what it yields")
    {
        protected override Tensor Forward(Tensor input) => input[..1];

        protected override Tensor RightInverse(Tensor value) => value;
    }

    private sealed class Spoiling() : CustomNode("spoiling", "what it yields")
    {
        protected override Tensor Forward(Tensor input) => input / 0;

        protected override Tensor RightInverse(Tensor value) => value;
    }
}

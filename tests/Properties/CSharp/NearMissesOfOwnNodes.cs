using Parametrize;
using Parametrize.CSharp;
using Properties.CSharp.Support;
using TorchSharp;
using TorchSharp.Modules;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp;

/// <summary>Tensors that a node of one's own almost allows, and right inverses that are almost right.</summary>
public class NearMissesOfOwnNodes
{
    private sealed class Even() : CustomNode("even", "rows that are palindromes")
    {
        protected override Tensor Forward(Tensor input) => (input + input.flip(-1)) / 2;

        protected override Tensor RightInverse(Tensor value) => value;
    }

    /// <summary>2 X, whose right inverse is off by a share.</summary>
    private sealed class Doubled(double share) : CustomNode($"doubled{share}", Spaces.All)
    {
        protected override Tensor Forward(Tensor input) => input * 2;

        protected override Tensor RightInverse(Tensor value) => value * (0.5 * (1 + share));
    }

    private static Linear Layer(ScalarType dtype)
    {
        var layer = nn.Linear(4, 4).to(dtype);
        using (no_grad())
            layer.weight!.copy_((layer.weight + layer.weight.flip(-1)) / 2);
        return layer;
    }

    private static Tensor Moved(Tensor tensor, double share)
    {
        var moved = tensor.detach().clone();
        moved[0, 0] += share * moved.abs().max();
        return moved;
    }

    /// <summary>X + 1, of which a tiny tensor has lost digits.</summary>
    private sealed class Shifted() : CustomNode("shifted", Spaces.All)
    {
        protected override Tensor Forward(Tensor input) => input + 1;

        protected override Tensor RightInverse(Tensor value) => value - 1;
    }

    /// <summary>The skew matrices of PyTorch's tutorial: the right inverse is upper triangular, not skew.</summary>
    private sealed class Skew() : CustomNode("ownSkew", "skew matrices")
    {
        protected override Tensor Forward(Tensor input) => input.triu(1) - input.triu(1).mT;

        protected override Tensor RightInverse(Tensor value) => value.triu(1);
    }

    /// <summary>X^T, which takes skew matrices to skew ones.</summary>
    private sealed class Turned() : CustomNode("turned", Spaces.All)
    {
        protected override Tensor Forward(Tensor input) => input.mT;

        protected override Tensor RightInverse(Tensor value) => value.mT;
    }

    private sealed class Flat() : CustomNode("flat", "flat tensors")
    {
        protected override Tensor Forward(Tensor input) => input.flatten();

        protected override Tensor RightInverse(Tensor value) => value;
    }

    private sealed class Unsteady() : CustomNode("unsteady", Spaces.All)
    {
        protected override Tensor Forward(Tensor input) => input + 1e-3 * randn_like(input);

        protected override Tensor RightInverse(Tensor value) => value;
    }

    [Fact]
    public void A_map_that_is_not_steady_is_told_of_itself()
    {
        var error = Assert.Throws<InvalidOperationException>(() =>
            nn.Linear(3, 3).register_parametrization("weight", Parametrizations.Of(new Unsteady()))
        );
        Assert.StartsWith("unsteady breaks its contract in Forward. Expected: one tensor, whenever", error.Message);
    }

    [Fact]
    public void Another_shape_is_told_of_the_map_that_yields_it()
    {
        var error = Assert.Throws<InvalidOperationException>(() =>
            Parametrizations.Of(new Flat()).Violation(randn(3, 3))
        );
        Assert.StartsWith("flat breaks its contract in Forward. Expected: [3, 3]", error.Message);
    }

    [Theory]
    [InlineData(WhenNotAllowed.Project)]
    [InlineData(WhenNotAllowed.Refuse)]
    public void What_the_node_before_does_not_yield_is_no_right_inverse(WhenNotAllowed policy)
    {
        var (first, layer) = (Parametrizations.Of(new Skew()), nn.Linear(3, 3));
        layer.register_parametrization("weight", first);
        var before = Snapshot.Of(layer);
        var error = Assert.ThrowsAny<Exception>(() => layer.register_parametrization("weight", first, policy));
        Assert.Contains("ownSkew", error.Message);
        before.AssertUnchanged();
        error = Assert.Throws<InvalidOperationException>(() => first.Then(first).Project(randn(3, 3)));
        Assert.Equal(
            "ownSkew breaks its contract in Invert (RightInverse in C#) of [3, 3] Float32 on cpu. Expected: an input that ownSkew yields; found: W in skew matrices is violated",
            error.Message.Split(" by ")[0]
        );

        layer.register_parametrization("weight", Parametrizations.Of(new Turned()), policy);
        layer.parametrization("weight").Value = layer.parametrization("weight").Value;
    }

    [Fact]
    public void A_tiny_tensor_is_as_near_as_rounding_of_its_parameter_allows()
    {
        var value = Parametrizations.Of(new Shifted());
        Assert.True(value.Contains(tensor(new[] { 1e-9f, 3e-9f })));
        Assert.True(value.Contains(tensor(new[] { 1e-17, 3e-17 })));
    }

    [Theory]
    [InlineData(ScalarType.Float32, 1e-1)]
    [InlineData(ScalarType.Float32, 1e-3)]
    [InlineData(ScalarType.Float32, 1e-4)]
    [InlineData(ScalarType.Float64, 1e-3)]
    [InlineData(ScalarType.Float64, 1e-6)]
    [InlineData(ScalarType.Float64, 1e-11)]
    public void A_tensor_that_is_almost_allowed_is_refused_by_every_verb(ScalarType dtype, double share)
    {
        var value = Parametrizations.Of(new Even());
        var layer = Layer(dtype);
        var missed = Moved(layer.weight!, share);
        Assert.NotNull(value.Violation(missed));

        var other = nn.Linear(4, 4).to(dtype);
        using (no_grad())
            other.weight!.copy_(missed);
        var before = Snapshot.Of(other);
        Assert.Throws<ParametrizationException>(() =>
            other.register_parametrization("weight", value, WhenNotAllowed.Refuse)
        );
        before.AssertUnchanged();

        layer.register_parametrization("weight", value, WhenNotAllowed.Refuse);
        var kept = layer.parametrization("weight").Value.detach().clone();
        Assert.NotNull(layer.parametrization("weight").TryAssign(missed));
        Assert.Throws<ParametrizationException>(() => layer.parametrization("weight").Value = missed);
        Assert.Throws<StateDictException>(() =>
            layer.load_parametrized_state_dict(other.state_dict(), whenNotAllowed: WhenNotAllowed.Refuse)
        );
        Near.Same(kept, layer.parametrization("weight").Value, 0);
    }

    [Theory]
    [InlineData(ScalarType.Float32, 5e-8)]
    [InlineData(ScalarType.Float64, 1e-16)]
    public void Rounding_is_allowed(ScalarType dtype, double share)
    {
        var layer = Layer(dtype).register_parametrization("weight", Parametrizations.Of(new Even()));
        var tensor = layer.parametrization("weight");
        tensor.Value = Moved(tensor.Value, share);
    }

    [Theory]
    [InlineData(ScalarType.Float32, 1e-2)]
    [InlineData(ScalarType.Float32, 1e-4)]
    [InlineData(ScalarType.Float64, 1e-4)]
    [InlineData(ScalarType.Float64, 1e-10)]
    public void A_right_inverse_that_is_almost_right_changes_nothing(ScalarType dtype, double share)
    {
        var layer = Layer(dtype);
        var before = Snapshot.Of(layer);
        var wrong = Parametrizations.Of(new Doubled(share));
        var error = Assert.Throws<InvalidOperationException>(() => layer.register_parametrization("weight", wrong));
        Assert.Contains("doubled", error.Message);
        before.AssertUnchanged();
    }

    [Theory]
    [InlineData(ScalarType.Float32)]
    [InlineData(ScalarType.Float64)]
    public void One_that_is_right_up_to_rounding_is_taken(ScalarType dtype)
    {
        var layer = Layer(dtype);
        var weight = layer.weight!.detach().clone();
        layer.register_parametrization("weight", Parametrizations.Of(new Doubled(1e-16)));
        Near.Same(weight, layer.parametrization("weight").Value);
    }
}

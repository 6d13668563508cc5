using Parametrize.CSharp;
using Properties.CSharp.Support;
using TorchSharp.Modules;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp.PyTorch;

/// <summary>What registering refuses: each time the module is what it was.</summary>
public class TestErrors
{
    private readonly Linear _module = nn.Linear(3, 4);

    private static Scripted Sum(Func<Tensor, Tensor> after) =>
        new("sum")
        {
            InputCount = 2,
            Map = inputs => after(inputs[0] + inputs[1]),
            Inverse = v => [v, zeros_like(v)],
        };

    /// <summary>Nodes that break their contract, by the mistake.</summary>
    private static Scripted Wrong(string mistake) =>
        mistake switch
        {
            "three inputs, two of them given" => new("a") { InputCount = 3, Inverse = value => [value, value] },
            "an inverse that is null" => new("b") { Inverse = _ => null! },
            "an inverse that holds null" => new("c") { InputCount = 2, Inverse = value => [null!, value] },
            "an inverse of another element type" => new("d") { Inverse = value => [value.to(ScalarType.Bool)] },
            "an inverse of another shape" => new("i") { Inverse = value => [value[..^1]] },
            "two inverses, one input" => new("j") { Inverse = value => [value, value] },
            "an inverse on another device" => new("e") { Inverse = value => [value.to(META)] },
            "a map to null" => new("f") { Map = _ => null! },
            "a map to another element type" => new("g") { Map = inputs => inputs[0].to(ScalarType.Bool) },
            "a map to another shape" => new("h") { Map = inputs => inputs[0][..^1] },
            "a map of two to another element type" => Sum(sum => sum.to(ScalarType.Bool)),
            _ => throw new ArgumentOutOfRangeException(nameof(mistake), mistake, null),
        };

    private void AssertRefused(string mistake)
    {
        var before = Snapshot.Of(_module);
        var error = Assert.ThrowsAny<Exception>(() => _module.register_parametrization("weight", Wrong(mistake).Value));
        Assert.Matches("breaks its contract|has to keep|does not fit", error.Message);
        before.AssertUnchanged();
    }

    [Theory]
    [InlineData("three inputs, two of them given")]
    [InlineData("an inverse that is null")]
    [InlineData("an inverse that holds null")]
    [InlineData("an inverse of another element type")]
    [InlineData("an inverse of another shape")]
    [InlineData("two inverses, one input")]
    public void test_errors_unparametrized_tensor_parametrization_by_a_node(string mistake) => AssertRefused(mistake);

    [Theory]
    [InlineData("three inputs, two of them given")]
    [InlineData("an inverse that is null")]
    [InlineData("an inverse that holds null")]
    [InlineData("an inverse of another element type")]
    [InlineData("an inverse of another shape")]
    [InlineData("two inverses, one input")]
    public void test_errors_parametrized_tensor_parametrization(string mistake)
    {
        _module.register_parametrization("weight", ScriptedNodes.Double);
        AssertRefused(mistake);
        Assert.Equal(ScriptedNodes.Double, _module.parametrization("weight").Parametrization);
    }

    [Theory]
    [InlineData("an inverse on another device", false)]
    [InlineData("an inverse on another device", true)]
    [InlineData("a map to null", false)]
    [InlineData("a map to null", true)]
    [InlineData("a map to another element type", false)]
    [InlineData("a map to another element type", true)]
    [InlineData("a map to another shape", false)]
    [InlineData("a map to another shape", true)]
    [InlineData("a map of two to another element type", false)]
    public void test_errors_of_nodes_that_break_their_contract(string mistake, bool again)
    {
        if (again)
            _module.register_parametrization("weight", ScriptedNodes.Double);
        AssertRefused(mistake);
    }

    /// <summary>A right inverse for positive tensors only gives no nearest one for the others.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_node_that_makes_no_numbers_of_the_present_tensor_is_refused(bool again)
    {
        if (again)
            _module.register_parametrization("weight", ScriptedNodes.Double);
        var before = Snapshot.Of(_module);
        var node = new Scripted("exp") { Map = inputs => inputs[0].exp(), Inverse = value => [value.log()] };
        var error = Assert.Throws<InvalidOperationException>(() =>
            _module.register_parametrization("weight", node.Value)
        );
        Assert.Matches("exp .*NaN", error.Message);
        before.AssertUnchanged();
    }

    [Fact]
    public void test_errors_unparametrized_tensor_parametrization()
    {
        using var initial = _module.weight.detach().clone();
        Assert.Throws<ArgumentException>(() => _module.register_parametrization("foo", ScriptedNodes.Double));
        Assert.Throws<ArgumentException>(() => _module.remove_parametrizations("bias"));
        Assert.False(_module.is_parametrized());

        _module.register_parametrization("weight", Sum(sum => sum).Value);
        var error = Assert.Throws<InvalidOperationException>(() =>
            _module.remove_parametrizations("weight", leave_parametrized: false)
        );
        Assert.Contains("leave_parametrized: true", error.Message);
        Assert.True(_module.is_parametrized("weight"));
        _module.remove_parametrizations("weight");

        Assert.False(_module.is_parametrized());
        Near.Identical(initial, _module.weight);
    }
}

using System.Runtime.InteropServices;
using Parametrize;
using Parametrize.CSharp;
using Parametrize.Laws;
using Properties.CSharp.Support;
using TorchSharp;
using TorchSharp.Modules;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp.Faults;

/// <summary>
/// If a node of a user's own returns anything but a tensor of finite numbers, the error names the node and nothing changes.
/// </summary>
public class MistakesOfNodes
{
    private static readonly Dictionary<string, Func<Tensor, Tensor>> Mistakes = new()
    {
        ["null"] = _ => null!,
        ["another shape"] = tensor => tensor[..^1],
        ["another element type"] = tensor => tensor.to(ScalarType.Int64),
        ["another precision"] = tensor => tensor.to(ScalarType.Float64),
        ["meta"] = tensor => tensor.to(META),
        ["sparse"] = tensor => tensor.to_sparse(),
        ["disposed"] = tensor =>
        {
            var copy = tensor.clone();
            copy.Dispose();
            return copy;
        },
        ["NaN"] = tensor => tensor * double.NaN,
        ["infinity"] = tensor => tensor + double.PositiveInfinity,
        ["native"] = tensor => tensor.reshape(7),
    };

    private static readonly Dictionary<string, Action<Linear, Erring>> Operations = new()
    {
        ["register"] = (layer, node) => layer.register_parametrization("bias", node.Value),
        ["register on many"] = (layer, node) =>
            layer.register_parametrizations((_, _) => true, "bias", node.Value).ToString(),
        ["construct"] = (layer, node) => new ParametrizedTensor(node.Value, layer.bias!).Dispose(),
        ["project"] = (layer, node) => node.Value.Project(layer.bias!).Dispose(),
        ["load"] = (layer, _) =>
            layer.load_parametrized_state_dict(nn.Linear(4, 4).state_dict(), whenNotAllowed: WhenNotAllowed.Project),
    };

    public static TheoryData<string, string, string> All
    {
        get
        {
            var data = new TheoryData<string, string, string>();
            foreach (var operation in Operations.Keys)
            foreach (var function in new[] { "Forward", "RightInverse", "Nearest" })
            foreach (var mistake in Mistakes.Keys)
                // The shape of a tensor in use is what its node makes of it.
                if ((operation, function, mistake) is not ("load", "Forward", "another shape"))
                    data.Add(operation, function, mistake);
            return data;
        }
    }

    public static TheoryData<string> Unusable =>
        new("null", "another element type", "meta", "sparse", "disposed", "native");

    private static void AssertNamed(Action work, nn.Module layer)
    {
        var before = Snapshot.Of(layer);
        var error = Assert.Throws<InvalidOperationException>(work);
        Assert.Contains("erring", error.Message);
        Assert.DoesNotContain("\n", error.Message);
        before.AssertUnchanged();
    }

    /// <summary>Its bias is not parametrized.</summary>
    private static Linear Layer(Erring node) => nn.Linear(4, 4).register_parametrization("weight", node.Value);

    [Theory]
    [MemberData(nameof(All))]
    public void Are_named_by_whoever_meets_them(string operation, string function, string mistake)
    {
        var node = new Erring();
        var layer = Layer(node);
        node.Err(function, Mistakes[mistake]);
        AssertNamed(() => Operations[operation](layer, node), layer);
        node.Err("", Mistakes[mistake]);
        Operations[operation](layer, node);
    }

    [Theory]
    [InlineData("Forward")]
    [InlineData("RightInverse")]
    public void Are_named_on_assigning(string function)
    {
        foreach (var (name, mistake) in Mistakes)
        {
            if ((function, name) is ("Forward", "another shape"))
                continue;
            var node = new Erring();
            var layer = Layer(node);
            using var allowed = node.Value.Sample([4, 4]);
            node.Err(function, mistake);
            AssertNamed(() => layer.parametrization("weight").Value = allowed, layer);
            AssertNamed(() => layer.parametrization("weight").TryAssign(allowed), layer);
        }
    }

    [Theory]
    [MemberData(nameof(Unusable))]
    public void Are_named_in_a_pass(string mistake)
    {
        var node = new Erring();
        var layer = Layer(node);
        using var expected = layer.call(ones(1, 4));
        node.Err("Forward", Mistakes[mistake]);
        AssertNamed(() => layer.call(ones(1, 4)), layer);
        node.Err("", Mistakes[mistake]);
        Near.Identical(expected, layer.call(ones(1, 4)));
    }

    [Theory]
    [InlineData(double.NaN, false)]
    [InlineData(0, true)]
    public void Are_named_where_a_distance_is_measured(double distance, bool isNative)
    {
        var node = new Erring();
        var layer = Layer(node);
        node.Measure = tensor => isNative ? tensor.reshape(7).abs().max().ToDouble() : distance;
        AssertNamed(() => layer.parametrization("weight").Value = eye(4), layer);
        AssertNamed(() => layer.register_parametrization("bias", node.Value), layer);
    }

    [Fact]
    public void Keep_the_native_error()
    {
        var node = new Erring();
        node.Err("Forward", Mistakes["native"]);
        var error = Assert.Throws<InvalidOperationException>(() => Layer(node));
        Assert.StartsWith("erring fails in Forward: shape '[7]' is invalid", error.Message);
        Assert.IsType<ExternalException>(error.InnerException, exactMatch: false);
    }

    [Theory]
    [InlineData("Forward")]
    [InlineData("RightInverse")]
    [InlineData("Nearest")]
    public void In_changing_what_they_are_given_do_not_reach_the_model(string function)
    {
        var node = new Erring();
        var layer = nn.Linear(4, 4);
        var before = Snapshot.Of(layer);
        using var weight = layer.weight.clone();
        node.Err(function, tensor => tensor, argument => argument.mul_(2));
        var error = Record.Exception(() => layer.register_parametrization("weight", node.Value));
        if (error is not null)
        {
            Assert.Contains("erring", Assert.IsType<InvalidOperationException>(error).Message);
            before.AssertUnchanged();
        }
        else
            Near.Same((weight + weight.flip(-1)) / 2, layer.parametrization("weight").Value);
    }

    [Theory]
    [InlineData("Forward")]
    [InlineData("RightInverse")]
    [InlineData("Nearest")]
    public void Are_named_behind_another_node(string function)
    {
        foreach (var mistake in Mistakes.Values)
        {
            var node = new Erring();
            var layer = nn.Linear(4, 4).register_parametrization("weight", Parametrizations.Symmetric);
            node.Err(function, mistake);
            AssertNamed(() => layer.register_parametrization("weight", node.Value), layer);
        }
    }

    [Theory]
    [InlineData("Forward")]
    [InlineData("RightInverse")]
    [InlineData("Nearest")]
    public void Are_named_on_kernels(string function)
    {
        foreach (var mistake in Mistakes.Values)
        {
            var node = new Erring();
            var layer = nn.Conv2d(2, 3, 2);
            node.Err(function, mistake);
            AssertNamed(() => layer.register_parametrization("weight", Parametrizations.OnKernel(node.Value)), layer);
        }
    }

    /// <summary>Training would change nothing, and say nothing.</summary>
    [Theory]
    [InlineData("detached")]
    [InlineData("no_grad")]
    public void A_map_that_passes_no_gradient_is_refused(string way)
    {
        var layer = nn.Linear(4, 4);
        var before = Snapshot.Of(layer);
        var node = new Unlearning(way);
        var error = Assert.Throws<InvalidOperationException>(() =>
            layer.register_parametrization("weight", Parametrizations.Of(node))
        );
        Assert.Contains("unlearning", error.Message);
        Assert.Contains("one that was detached, or computed under no_grad", error.Message);
        before.AssertUnchanged();
        var faults = Assert.ThrowsAny<Exception>(() =>
            ValueLaws
                .Of(
                    Parametrizations.Of(node),
                    [
                        [3],
                    ]
                )
                .Check()
        );
        Assert.Contains("one that was detached, or computed under no_grad", faults.Message);
    }

    [Fact]
    public void Laws_are_told_of_a_map_that_does_not_read_one_of_its_inputs()
    {
        var laws = ValueLaws.Of(
            Parametrizations.Of(new Ignoring()),
            [
                [3],
            ]
        );
        foreach (var law in laws.Where(law => law.Name.Contains("gradients", StringComparison.Ordinal)))
            law.Check();
    }

    /// <summary>The nearest tensor and the distance are computed by both functions unless they are overridden.</summary>
    [Theory]
    [InlineData("Forward")]
    [InlineData("RightInverse")]
    public void Nothing_instead_of_a_tensor_is_named_where_the_rest_is_left_to_the_library(string function)
    {
        var layer = nn.Linear(4, 4);
        var before = Snapshot.Of(layer);
        foreach (var nothing in new Func<Tensor, Tensor>[] { Mistakes["null"], Mistakes["disposed"] })
        {
            var node = new Failing(function, nothing);
            var error = Assert.Throws<InvalidOperationException>(() =>
                layer.register_parametrization("weight", Parametrizations.Of(node))
            );
            Assert.Contains($"failing breaks its contract in {function}", error.Message);
            before.AssertUnchanged();
        }
    }

    private sealed class Unlearning(string way) : CustomNode("unlearning", "all tensors")
    {
        protected override Tensor Forward(Tensor input)
        {
            if (way == "detached")
                return input.detach() * 2;
            using var _ = no_grad();
            return input * 2;
        }

        protected override Tensor RightInverse(Tensor value) => value / 2;
    }

    private sealed class Ignoring() : CustomNodeOfSeveral("ignoring", "all tensors", 2)
    {
        protected override IReadOnlyList<long[]> InputShapes(long[] shape) => [shape, shape];

        protected override Tensor Forward(Tensor[] inputs) => inputs[0] * 2;

        protected override Tensor[] RightInverse(Tensor value) => [value / 2, zeros_like(value)];
    }

    private sealed class Failing(string function, Func<Tensor, Tensor> nothing) : CustomNode("failing", "all tensors")
    {
        protected override Tensor Forward(Tensor input) => function == "Forward" ? nothing(input) : input * 2;

        protected override Tensor RightInverse(Tensor value) => function == "RightInverse" ? nothing(value) : value / 2;
    }

    /// <summary>Rows that read the same from both ends, until it is told to err.</summary>
    private sealed class Erring() : CustomNode("erring", "palindromes")
    {
        private string _function = "";
        private Func<Tensor, Tensor> _mistake = tensor => tensor;
        private Action<Tensor> _after = _ => { };

        public Func<Tensor, double>? Measure { get; set; }

        public Parametrization Value => Parametrizations.Of(this);

        public void Err(string function, Func<Tensor, Tensor> mistake, Action<Tensor>? after = null) =>
            (_function, _mistake, _after) = (function, mistake, after ?? (_ => { }));

        protected override Tensor Forward(Tensor input) => Erred("Forward", input, Folded);

        protected override Tensor RightInverse(Tensor value) => Erred("RightInverse", value, input => input);

        protected override Tensor Nearest(Tensor value) => Erred("Nearest", value, Folded);

        protected override double Distance(Tensor value) =>
            Measure?.Invoke(value) ?? (Folded(value) - value).abs().max().ToDouble();

        private static Tensor Folded(Tensor tensor) => (tensor + tensor.flip(-1)) / 2;

        private Tensor Erred(string function, Tensor argument, Func<Tensor, Tensor> right)
        {
            if (function != _function)
                return right(argument);
            var result = right(argument);
            _after(argument);
            return _mistake(result);
        }
    }
}

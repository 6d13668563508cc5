using FsCheck;
using FsCheck.Fluent;
using FsCheck.Xunit;
using Parametrize;
using Parametrize.CSharp;
using Properties.CSharp.Shared;
using Properties.CSharp.Support;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp.Faults;

/// <summary>The name of a node of a user's own, and the tensor on which it is registered.</summary>
public sealed record OwnNodeCase(string Name, bool IsTrusting, double Scale, ScalarType Dtype, int Seed)
{
    public static Arbitrary<OwnNodeCase> Arbitrary() =>
        (
            from name in Gen.Elements(OwnNodes.All.Keys.ToArray())
            from isTrusting in Gen.Elements(true, false)
            from scale in Gen.Elements(1e-6, 1e-3, 0.03, 1, 30, 1e3)
            from dtype in Gen.Elements(ScalarType.Float32, ScalarType.Float64, ScalarType.Float16, ScalarType.BFloat16)
            from seed in Gen.Choose(0, 100_000)
            select new OwnNodeCase(name, isTrusting, scale, dtype, seed)
        )
            .Where(node => node.IsClear)
            .ToArbitrary();

    internal bool IsRight => !OwnNodes.Wrong.ContainsKey(Name);

    internal OwnNodes.Changing Node
    {
        get
        {
            var node = IsTrusting ? new OwnNodes.Trusting() : new OwnNodes.Changing();
            node.Pair = OwnNodes.All[Name];
            return node;
        }
    }

    /// <summary>Whether rounding cannot hide what the node computes: for small numbers, tanh x and x are the same.</summary>
    private bool IsClear
    {
        get
        {
            var isHalf = Dtype is ScalarType.Float16 or ScalarType.BFloat16;
            if (isHalf && (Scale is < 0.03 or > 1 || Name is "1.01 X, X" or "tanh, X"))
                return false;
            // It would be asked of tensors that it does not yield.
            if (IsTrusting && OwnNodes.Retractions.ContainsKey(Name))
                return false;
            return Name switch
            {
                "tanh, X" => Scale >= 0.03,
                "X^3, X" or "X^3" or "sinh X" or "exp X" or "tanh X" => Scale is >= 0.03 and <= 30,
                "X + 1, X" or "noise" => Scale is >= 1e-3 and <= 30,
                _ => true,
            };
        }
    }

    internal Tensor Weight()
    {
        Seeded.Everywhere(Seed);
        using var wide = randn(4, 4, dtype: ScalarType.Float64) * Scale;
        return wide.to(Dtype);
    }
}

/// <summary>What a map cannot undo is never written over a tensor.</summary>
[Properties(Arbitrary = [typeof(OwnNodeCase)], MaxTest = 300, QuietOnSuccess = true)]
public class NodesWithoutAnInverse
{
    private static readonly Dictionary<string, Func<Parametrization, (nn.Module, Action)>> Registrations = new()
    {
        ["one"] = value =>
        {
            var layer = nn.Linear(4, 4);
            return (layer, () => layer.register_parametrization("weight", value));
        },
        ["many"] = value =>
        {
            var model = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4).orthogonal(), nn.Linear(4, 3));
            return (
                model,
                () => model.register_parametrizations<TorchSharp.Modules.Linear>("weight", value).ToString()
            );
        },
        ["behind"] = value =>
        {
            var layer = nn.Linear(4, 4).register_parametrization("weight", Parametrizations.Symmetric);
            return (layer, () => layer.register_parametrization("weight", value));
        },
        ["in a chain"] = value =>
        {
            var layer = nn.Linear(4, 4);
            var chain = Parametrizations.Symmetric.Then(value).Then(new Doubling().Value);
            return (layer, () => layer.register_parametrization("weight", chain));
        },
        ["on a kernel"] = value =>
        {
            var layer = nn.Conv2d(2, 3, 2);
            return (layer, () => layer.register_parametrization("weight", Parametrizations.OnKernel(value)));
        },
        ["joint"] = value =>
        {
            var layer = nn.Linear(4, 4);
            return (layer, () => layer.register_parametrization("weight+bias", value));
        },
        ["shared"] = value =>
        {
            var tied = Tied.Plain();
            return (
                tied,
                () => tied.register_parametrizations((name, _) => name == "encoder", "weight", value).ToString()
            );
        },
        ["native"] = value =>
        {
            var lstm = nn.LSTM(4, 4);
            return (lstm, () => lstm.register_parametrization("weight_hh_l0", value));
        },
        ["of one's own"] = value =>
        {
            var layer = nn.Linear(4, 4);
            return (layer, () => new ParametrizedTensor(value, layer.weight).Dispose());
        },
        ["transferred behind"] = value =>
        {
            var from = nn.Linear(4, 4).register_parametrization("weight", value, WhenNotAllowed.Reinterpret);
            var to = nn.Linear(4, 4).register_parametrization("weight", Parametrizations.Symmetric);
            return (to, () => parametrize.transfer_parametrizations_and_params(from, to));
        },
    };

    private static readonly Dictionary<string, Action<nn.Module, Tensor>> Writings = new()
    {
        ["assign"] = (module, tensor) => module.parametrization("0.weight").Value = tensor,
        ["try"] = (module, tensor) => module.parametrization("0.weight").TryAssign(tensor),
        ["property"] = (module, tensor) =>
        {
            var layer = (TorchSharp.Modules.Linear)((TorchSharp.Modules.Sequential)module)[0];
            layer.weight = nn.Parameter(tensor.clone());
            layer.call(ones(1, 4));
        },
        ["load"] = (module, tensor) => Load(module, tensor, WhenNotAllowed.Refuse),
        ["load with projection"] = (module, tensor) => Load(module, tensor, WhenNotAllowed.Project),
        ["another behind"] = (module, _) => module.register_parametrization("0.weight", new Doubling().Value),
    };

    public static TheoryData<string, string, bool> Registered => Combined(Registrations.Keys);

    public static TheoryData<string, string, bool> Written => Combined(Writings.Keys);

    private static TheoryData<string, string, bool> Combined(IEnumerable<string> ways)
    {
        var data = new TheoryData<string, string, bool>();
        foreach (var way in ways)
        foreach (var name in OwnNodes.Wrong.Keys)
        foreach (var isTrusting in new[] { true, false })
            data.Add(way, name, isTrusting);
        return data;
    }

    private static void Load(nn.Module module, Tensor tensor, WhenNotAllowed policy)
    {
        var state = new Dictionary<string, Tensor> { ["0.weight"] = tensor, ["1.weight"] = ones(4, 4) };
        module.load_parametrized_state_dict(state, strict: false, policy);
    }

    private static OwnNodes.Changing New(bool isTrusting) =>
        isTrusting ? new OwnNodes.Trusting() : new OwnNodes.Changing();

    private static void AssertNames(Action work, nn.Module module)
    {
        var before = Snapshot.Of(module);
        var error = Assert.Throws<InvalidOperationException>(work);
        Assert.Contains("changing breaks its contract", error.Message);
        before.AssertUnchanged();
    }

    [Theory]
    [MemberData(nameof(Registered))]
    public void Are_named_when_they_are_registered(string way, string name, bool isTrusting)
    {
        Seeded.Everywhere(name.Length);
        var node = New(isTrusting);
        node.Pair = OwnNodes.Wrong[name];
        var (module, register) = Registrations[way](node.Value);
        AssertNames(register, module);

        node.Pair = OwnNodes.Bijections["2 X"];
        register();
    }

    [Theory]
    [MemberData(nameof(Written))]
    public void Are_named_when_something_is_written_through_them(string way, string name, bool isTrusting)
    {
        Seeded.Everywhere(name.Length);
        var node = New(isTrusting);
        var module = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4));
        module.register_parametrization("0.weight", node.Value);
        using var tensor = randn(4, 4);
        var before = module.parametrization("0.weight").Value;
        node.Pair = OwnNodes.Wrong[name];
        AssertNames(() => Writings[way](module, tensor), module);

        node.Pair = OwnNodes.Bijections["2 X"];
        if (way is not "property")
            Near.Identical(before, module.parametrization("0.weight").Value);
        Writings[way](module, tensor);
        Near.Same(way is "another behind" ? before : tensor, module.parametrization("0.weight").Value);
    }

    [Property]
    public void Are_told_from_those_that_have_one(OwnNodeCase @case)
    {
        using var scope = NewDisposeScope();
        var (weight, value, pair) = (@case.Weight(), @case.Node.Value, OwnNodes.All[@case.Name]);
        if (!@case.IsRight)
        {
            Assert.Throws<InvalidOperationException>(() => new ParametrizedTensor(value, weight));
            // A tensor that the node contains is not projected.
            if (!@case.IsTrusting)
                Assert.Throws<InvalidOperationException>(() => value.Project(weight));
            return;
        }
        var nearest = pair.Map(pair.Inverse(weight.to(ScalarType.Float64, copy: true)));
        // A tiny number is the difference of larger ones where something is added.
        var largest = Math.Max(nearest.abs().max().item<double>(), @case.Name is "X + 1" ? 1 : @case.Scale);
        using var tensor = new ParametrizedTensor(value, weight);
        Near.Same(nearest, tensor.Value, 5 * Near.Tolerance(@case.Dtype) * largest);
        tensor.Value = value.Project(weight);
        Near.Same(nearest, tensor.Value, 5 * Near.Tolerance(@case.Dtype) * largest);
    }

    private sealed class Detached() : CustomNode("detached", "all tensors")
    {
        public override bool HasRightInverse => false;

        protected override Tensor Forward(Tensor input) => input.detach() * 2;

        protected override Tensor RightInverse(Tensor value) => throw new NotSupportedException();
    }

    [Fact]
    public void Are_refused_at_once_where_no_gradient_comes_through()
    {
        var layer = nn.Linear(4, 4);
        var before = Snapshot.Of(layer);
        var refusal = Assert.Throws<InvalidOperationException>(() =>
            layer.register_parametrization("weight", Parametrizations.Of(new Detached()))
        );
        Assert.Contains("gradients", refusal.Message);
        before.AssertUnchanged();
    }

    [Fact]
    public void Leave_the_tensor_where_nothing_is_inverted()
    {
        foreach (var name in OwnNodes.Wrong.Keys)
        {
            var node = new OwnNodes.Changing { Pair = OwnNodes.Wrong[name] };
            var layer = nn.Linear(4, 4);
            using var weight = layer.weight.detach().clone();
            layer.register_parametrization("weight", node.Value, WhenNotAllowed.Reinterpret);
            Near.Identical(weight, layer.parametrization("weight").get_parameter("original")!);
        }
    }

    [Fact]
    public void Are_named_with_several_inputs()
    {
        var node = new OwnNodes.Halved();
        var layer = nn.Linear(4, 4);
        AssertNames(() => layer.register_parametrization("weight", Parametrizations.Of(node)), layer);
    }
}

using Parametrize;
using Parametrize.CSharp;
using Properties.CSharp.Support;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp;

/// <summary>
/// Tensors that are not laid out as a tensor of numbers, or have more dimensions than libtorch's operations take, are refused
/// by an error of this library wherever they are given; nothing changes.
/// </summary>
public class OddTensorsAreRefused
{
    private static readonly string[] Values =
    [
        "identity",
        "symmetric",
        "skew >>> cayley",
        "orthogonal",
        "positive",
        "bounded -1.0 1.0",
        "sphere 1.0",
        "weightNorm 0",
        "spectralNorm",
        "spd",
        "invertible",
        "fixedRank 2L",
        "pruned (Pruning.L1 (Amount.Share 0.5))",
        "scale 2.0",
        "onKernel orthogonal",
        "transposed positive",
    ];

    /// <summary>TorchSharp makes none of these.</summary>
    private static readonly jit.CompilationUnit Script = jit.compile(
        """
        def rows(x: Tensor) -> Tensor:
            return x.to_sparse_csr()

        def mkldnn(x: Tensor) -> Tensor:
            return x.to_mkldnn()

        """
    );

    private static readonly Dictionary<string, Func<Tensor>> Tensors = new()
    {
        ["sparse"] = () => eye(4).to_sparse(),
        ["compressed rows"] = () => (Tensor)Script.invoke("rows", eye(4)),
        ["of MKL"] = () => (Tensor)Script.invoke("mkldnn", eye(4)),
        ["quantized"] = () => quantize_per_tensor(eye(4), 0.1, 0, ScalarType.QInt8),
        ["of 70 dimensions"] = () => ones([.. Enumerable.Repeat(1L, 70)]),
        ["of 65 dimensions"] = () => ones([.. Enumerable.Repeat(1L, 65)]),
    };

    public static TheoryData<string, string> Cases
    {
        get
        {
            var cases = new TheoryData<string, string>();
            foreach (var value in Values)
            foreach (var tensor in Tensors.Keys)
                cases.Add(value, tensor);
            return cases;
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void By_values(string code, string kind)
    {
        using var _ = NewDisposeScope();
        var value = Parametrizations.Parse(code);
        var odd = Tensors[kind]();
        Assert.False(value.Contains(odd));
        Assert.NotEmpty(value.Violation(odd)!.Message);
        Assert.Throws<ArgumentException>(() => value.Project(odd));
        Assert.Throws<ParametrizationException>(() => new ParametrizedTensor(value, odd));
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void By_modules(string code, string kind)
    {
        using var _ = NewDisposeScope();
        var value = Parametrizations.Parse(code);
        var odd = Tensors[kind]();
        var layer = nn.Linear(4, 4);
        layer.register_parametrization("weight", value);
        var tensor = layer.parametrization("weight");
        var before = Snapshot.Of(layer);

        Assert.NotNull(tensor.TryAssign(odd));
        Assert.Throws<ParametrizationException>(() => tensor.Value = odd);
        foreach (var policy in Enum.GetValues<WhenNotAllowed>())
            Assert.Throws<ParametrizationException>(() => tensor.Assign(odd, policy));
        Assert.Throws<StateDictException>(() =>
            layer.load_parametrized_state_dict(
                new Dictionary<string, Tensor> { ["weight"] = odd, ["bias"] = zeros(4) },
                whenNotAllowed: WhenNotAllowed.Project
            )
        );
        Assert.Throws<StateDictException>(() =>
            layer.load_parametrized_state_dict(
                new Dictionary<string, Tensor> { ["weight"] = eye(4), ["bias"] = odd },
                whenNotAllowed: WhenNotAllowed.Project
            )
        );
        var state = layer.state_dict();
        state[state.Keys.First(key => key.Contains("original"))] = odd;
        Assert.Throws<StateDictException>(() => layer.load_parametrized_state_dict(state));
        before.AssertUnchanged();

        var plain = new PrunedModules.Weighted(ones(4, 4));
        plain.register_buffer("odd", odd);
        foreach (var policy in Enum.GetValues<WhenNotAllowed>())
            Assert.Throws<ParametrizationException>(() => plain.register_parametrization("odd", value, policy));
        Assert.Same(odd, plain.get_buffer("odd"));
    }

    [Fact]
    public void A_disposed_tensor_is_a_wrong_argument()
    {
        var dead = eye(4);
        dead.Dispose();
        var value = Parametrizations.Skew;
        var layer = nn.Linear(4, 4).register_parametrization("weight", value);
        var tensor = layer.parametrization("weight");
        var before = Snapshot.Of(layer);
        var state = layer.state_dict();
        state["bias"] = dead;
        Action[] uses =
        [
            () => value.Contains(dead),
            () => value.Violation(dead),
            () => value.Project(dead),
            () => new ParametrizedTensor(value, dead),
            () => tensor.TryAssign(dead),
            () => tensor.Value = dead,
            .. Enum.GetValues<WhenNotAllowed>()
                .Select<WhenNotAllowed, Action>(policy => () => tensor.Assign(dead, policy)),
            () => layer.load_parametrized_state_dict(state),
            () => Safetensors.Save(Path.GetTempFileName(), state),
            () => layer.custom_from_mask("bias", dead),
        ];
        foreach (var use in uses)
            Assert.Contains("has been disposed", Assert.ThrowsAny<Exception>(use).Message);
        state["bias"] = null!;
        Assert.Contains(
            "is null",
            Assert.Throws<ArgumentException>(() => layer.load_parametrized_state_dict(state)).Message
        );
        before.AssertUnchanged();
    }
}

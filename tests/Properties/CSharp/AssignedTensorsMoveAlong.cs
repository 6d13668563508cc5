using Parametrize;
using Parametrize.CSharp;
using Properties.CSharp.Support;
using TorchSharp;
using TorchSharp.Modules;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp;

/// <summary>
/// A tensor that was assigned to a field goes where its module goes before the next use, and is judged as what it was when it was
/// assigned. One that is not allowed is refused at the next use, not in the middle of the move.
/// </summary>
public class AssignedTensorsMoveAlong
{
    private static readonly Dictionary<
        string,
        (Func<nn.Module> Make, string Name, Action<nn.Module, Parameter> Assign)
    > Kinds = new()
    {
        ["Linear"] = (() => nn.Linear(4, 4), "weight", (layer, p) => ((Linear)layer).weight = p),
        ["LayerNorm"] = (() => nn.LayerNorm([4, 4]), "weight", (layer, p) => ((LayerNorm)layer).weight = p),
        ["Embedding"] = (() => nn.Embedding(4, 4), "weight", (layer, p) => ((Embedding)layer).weight = p),
        ["GRUCell"] = (() => nn.GRUCell(4, 4), "weight_hh", (layer, p) => ((GRUCell)layer).weight_hh = p),
        ["a module of one's own"] = (() => new Own(), "weight", (layer, p) => ((Own)layer).Weight = p),
        ["a part"] = (
            () => nn.Sequential(("0", nn.Embedding(4, 4))),
            "0.weight",
            (layer, p) => ((Embedding)layer.named_children().Single().module).weight = p
        ),
    };

    private static readonly ScalarType[][] Moves =
    [
        [ScalarType.Float64],
        [ScalarType.BFloat16],
        [ScalarType.BFloat16, ScalarType.Float32],
        [ScalarType.Float64, ScalarType.Float32],
        [ScalarType.Float16, ScalarType.Float64],
    ];

    private sealed class Own : nn.Module<Tensor, Tensor>
    {
        private Parameter _weight = nn.Parameter(randn(4, 4));

        public Own()
            : base(nameof(Own))
        {
            register_parameter("weight", _weight);
        }

        public Parameter Weight
        {
            set => _weight = value;
        }

        public override Tensor forward(Tensor input) => input.mm(_weight.T);
    }

    /// <summary>Values of the tensor of any kind, and those of square matrices.</summary>
    private static readonly string[] OfAny = ["orthogonal", "sphere 1.0"];

    private static readonly string[] OfSquares = ["symmetric", "spd", "symmetric >>> positive"];

    public static TheoryData<string, int, string, bool> Allowed => CasesOf([.. OfAny, .. OfSquares]);

    public static TheoryData<string, int, string, bool> NotAllowed => CasesOf(["orthogonal", .. OfSquares]);

    private static TheoryData<string, int, string, bool> CasesOf(string[] codes)
    {
        var cases = new TheoryData<string, int, string, bool>();
        foreach (var kind in Kinds.Keys)
            for (var moves = 0; moves < Moves.Length; moves++)
                foreach (var code in codes.Where(code => kind != "GRUCell" || OfAny.Contains(code)))
                {
                    cases.Add(kind, moves, code, false);
                    cases.Add(kind, moves, code, true);
                }
        return cases;
    }

    [Theory]
    [MemberData(nameof(Allowed))]
    public void To_other_element_types(string kind, int moves, string code, bool isInScope)
    {
        var (make, name, assign) = Kinds[kind];
        var value = Parametrizations.Parse(code);
        var module = make();
        module.register_parametrization(name, value);
        using var scope = isInScope ? parametrize.cached(module) : null;
        using var next = value.Sample(module.parametrization(name).Value.shape);

        assign(module, nn.Parameter(next.clone()));
        foreach (var dtype in Moves[moves])
            module.to(dtype);

        AssertIs(next, module, name, Moves[moves]);
    }

    [Theory]
    [MemberData(nameof(NotAllowed))]
    public void What_is_not_allowed_is_refused_after_the_move(string kind, int moves, string code, bool isInScope)
    {
        var (make, name, assign) = Kinds[kind];
        var module = make();
        module.register_parametrization(name, Parametrizations.Parse(code));
        using var scope = isInScope ? parametrize.cached(module) : null;
        using var before = module.parametrization(name).Value.detach();
        // In none of these spaces.
        using var next = arange(before.numel()).view(before.shape).to(ScalarType.Float32) - 8;

        assign(module, nn.Parameter(next.clone()));
        foreach (var dtype in Moves[moves])
            module.to(dtype);

        Assert.Throws<ParametrizationException>(() => module.parametrization(name).Value);
        AssertIs(before, module, name, Moves[moves]);
    }

    private static void AssertIs(Tensor expected, nn.Module module, string name, ScalarType[] moves)
    {
        Assert.All(module.parameters(), parameter => Assert.Equal(moves[^1], parameter.dtype));
        var coarsest = Math.Max(Near.Tolerance(moves.MaxBy(Near.Tolerance)), Near.Tolerance(ScalarType.Float32));
        Near.Same(expected.to(moves[^1]), module.parametrization(name).Value, 4 * coarsest);
    }

    [Fact]
    public void A_tensor_of_another_element_type_is_still_refused()
    {
        var layer = nn.Linear(4, 4).register_parametrization("weight", Parametrizations.Symmetric);
        layer.weight = nn.Parameter(eye(4, dtype: ScalarType.Float64));
        var refusal = Assert.Throws<ParametrizationException>(() => layer.parametrization("weight").Value);
        Assert.Contains("expects Float32, but the tensor is Float64", refusal.Message);
    }

    [Fact]
    public void Copies_that_leave_the_model_have_what_was_assigned()
    {
        var file = Path.GetTempFileName();
        try
        {
            foreach (var isInScope in (bool[])[false, true])
            {
                var layer = nn.Linear(4, 4).register_parametrization("weight", Parametrizations.Orthogonal());
                using var scope = isInScope ? parametrize.cached(layer) : null;
                layer.call(ones(1, 4)).Dispose();
                using var next = Parametrizations.Orthogonal().Sample([4, 4]);

                layer.weight = nn.Parameter(next.clone());
                Near.Same(next, layer.baked_state_dict()["weight"]);
                using var written = Parametrizations.Orthogonal().Sample([4, 4]);
                layer.weight = nn.Parameter(written.clone());
                var reader = nn.Linear(4, 4).register_parametrization("weight", Parametrizations.Orthogonal());
                reader.load_parametrized_state_dict(layer.pytorch_state_dict());
                Near.Same(written, reader.parametrization("weight").Value);
                layer.weight = nn.Parameter(-next);
                Safetensors.Save(file, layer);
                var other = nn.Linear(4, 4).register_parametrization("weight", Parametrizations.Orthogonal());
                other.load_parametrized_state_dict(Safetensors.Load(file));
                Near.Same(-next, other.parametrization("weight").Value);

                layer.weight = nn.Parameter(ones(4, 4));
                Assert.Throws<ParametrizationException>(() => layer.baked_state_dict());
                layer.weight = nn.Parameter(ones(4, 4));
                Assert.Throws<ParametrizationException>(() => layer.pytorch_state_dict());
                Near.Same(-next, layer.baked_state_dict()["weight"]);
            }
        }
        finally
        {
            File.Delete(file);
        }
    }

    [Fact]
    public void Tensors_that_were_assigned_to_two_modules_that_share_move_along()
    {
        var (first, second) = (new WithField(), new WithField());
        var model = nn.Sequential(("first", first), ("second", second));
        first.register_parametrization("weight", Parametrizations.Orthogonal());
        second.share_parametrization("weight", first.parametrization("weight"));
        // Orthogonal in single precision only.
        var allowed = linalg.qr(randn(4, 4, dtype: float64)).Q.to(float32);
        first.weight = nn.Parameter(allowed.clone());
        second.weight = nn.Parameter(allowed.clone());
        model.to(float64);
        using var made = second.call(eye(4, dtype: float64));
        Near.Same(allowed.to(float64), made, 1e-6);
    }

    /// <summary>Its setter is a plain field, which nobody watches.</summary>
    private sealed class WithField : nn.Module<Tensor, Tensor>
    {
        public Parameter weight = nn.Parameter(eye(4));

        public WithField()
            : base(nameof(WithField)) => RegisterComponents();

        public override Tensor forward(Tensor input) => input.matmul(weight);
    }
}

using System.Text.Json;
using Parametrize;
using Parametrize.CSharp;
using Properties.CSharp.Support;
using TorchSharp;
using TorchSharp.Modules;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp;

/// <summary>The shortcuts, their states and their values, against cases that PyTorch computed.</summary>
public class AgreesWithPyTorch
{
    private const double Tolerance = 1e-9;

    /// <summary>A module with a weight of any shape.</summary>
    private sealed class Weighted : nn.Module<Tensor, Tensor>
    {
        public readonly Parameter weight;

        public Weighted(Tensor initial)
            : base(nameof(Weighted))
        {
            weight = nn.Parameter(initial.clone());
            RegisterComponents();
        }

        public override Tensor forward(Tensor input) => weight * input;

        public Tensor Value => this.parametrization("weight").Value;
    }

    private sealed class Model : nn.Module<Tensor, Tensor>
    {
        private readonly Conv2d conv = nn.Conv2d(1, 3, 3).spectral_norm();
        private readonly Linear fc1 = nn.Linear(48, 8).orthogonal(orthogonal_map: OrthogonalMap.Cayley);
        private readonly Linear fc2 = nn.Linear(8, 8).weight_norm();
        private readonly Linear fc3 = nn.Linear(8, 2).orthogonal();

        public Model()
            : base(nameof(Model)) => RegisterComponents();

        public override Tensor forward(Tensor input)
        {
            var hidden = fc1.call(conv.call(input).relu().flatten(1));
            return fc3.call(fc2.call(hidden.tanh()).tanh());
        }
    }

    private static TheoryData<int> Indices(string kind) => new(Enumerable.Range(0, Golden.Cases(kind).Count));

    public static TheoryData<int> Orthogonal => Indices("orthogonal");

    public static TheoryData<int> WeightNorm => Indices("weight_norm");

    public static TheoryData<int> SpectralNorm => Indices("spectral_norm");

    private static void SameState(Dictionary<string, Tensor> expected, nn.Module module)
    {
        var found = module.state_dict();
        Assert.Equal(expected.Keys.Order(), found.Keys.Order());
        Assert.All(expected, entry => Near.Same(entry.Value, found[entry.Key], Tolerance));
    }

    [Fact]
    public void A_whole_model_reads_PyTorchs_state_and_computes_its_output()
    {
        var golden = Golden.Cases("model").Single();
        var model = new Model();
        model.to(ScalarType.Float64);
        model.eval();
        var state = golden.State("state_dict");
        Assert.Equal(state.Keys.Order(), model.state_dict().Keys.Order());

        model.load_parametrized_state_dict(state);

        Near.Same(golden.Tensor("output"), model.call(golden.Tensor("input")), Tolerance);
        SameState(state, model);
        using (parametrize.cached(model))
            Near.Same(golden.Tensor("output"), model.call(golden.Tensor("input")), Tolerance);
    }

    [Theory]
    [MemberData(nameof(Orthogonal))]
    public void Orthogonal_registers_computes_and_assigns(int index)
    {
        var golden = Golden.Cases("orthogonal")[index];
        var map = golden.GetProperty("map").GetString() switch
        {
            "cayley" => OrthogonalMap.Cayley,
            "matrix_exp" => OrthogonalMap.MatrixExp,
            _ => OrthogonalMap.Householder,
        };
        var trivialized = golden.GetProperty("use_trivialization").GetBoolean();
        var module = new Weighted(golden.Tensor("weight_before"));

        module.orthogonal(orthogonal_map: map, use_trivialization: trivialized);
        SameRegistered(golden.State("state_after_register"), module, map, trivialized);
        Near.Same(golden.Tensor("weight_after_register"), module.Value, Tolerance);

        module.load_parametrized_state_dict(golden.State("state"));
        Near.Same(golden.Tensor("weight"), module.Value, Tolerance);
        module.Value.backward([golden.Tensor("grad_weight")]);
        var gradient = module.parameters().Single().grad!;
        var expected = golden.State("grads")["parametrizations.weight.original"];
        Near.Same(expected, gradient, Tolerance);

        if (golden.TryGetProperty("assigned", out var assigned) && assigned.ValueKind == JsonValueKind.Object)
        {
            module.parametrization("weight").Value = assigned.Tensor();
            Near.Same(golden.Tensor("weight_after_assign"), module.Value, Tolerance);
        }
    }

    /// <summary>Columns of a base behind the k-th are arbitrary; the maps do not read above the diagonal.</summary>
    private static void SameRegistered(
        Dictionary<string, Tensor> expected,
        Weighted module,
        OrthogonalMap map,
        bool trivialized
    )
    {
        var found = module.pytorch_state_dict();
        Assert.Equal(expected.Keys.Order(), found.Keys.Order());
        var original = expected["parametrizations.weight.original"];
        var columns = Math.Min(original.shape[^1], original.shape[^2]);
        var unread = map.IsHouseholder && !trivialized;
        Tensor Read(Tensor tensor) =>
            !unread ? tensor
            : tensor.shape[^1] > tensor.shape[^2] ? tensor.triu()
            : tensor.tril();

        Near.Same(Read(original), Read(found["parametrizations.weight.original"]), Tolerance);
        if (trivialized)
            Near.Same(
                expected["parametrizations.weight.0.base"].narrow(-1, 0, columns),
                found["parametrizations.weight.0.base"].narrow(-1, 0, columns),
                Tolerance
            );
    }

    [Theory]
    [MemberData(nameof(WeightNorm))]
    public void Weight_norm_registers_and_computes(int index)
    {
        var golden = Golden.Cases("weight_norm")[index];
        var dim = golden.GetProperty("dim");
        var module = new Weighted(golden.Tensor("weight_before"));

        module.weight_norm(dim: dim.ValueKind == JsonValueKind.Null ? null : dim.GetInt32());
        SameState(golden.State("state_after_register"), module);

        module.load_state_dict(golden.State("state"));
        Near.Same(golden.Tensor("weight"), module.Value, Tolerance);
        module.Value.backward([golden.Tensor("grad_weight")]);
        Assert.All(
            golden.State("grads"),
            entry => Near.Same(entry.Value, ((Parameter)module.state_dict()[entry.Key]).grad!, Tolerance)
        );
    }

    [Theory]
    [MemberData(nameof(SpectralNorm))]
    public void Spectral_norm_takes_PyTorchs_steps(int index)
    {
        var golden = Golden.Cases("spectral_norm")[index];
        var iterations = golden.GetProperty("n_power_iterations").GetInt32();
        var eps = golden.GetProperty("eps").GetDouble();
        nn.Module module = golden.GetProperty("module").GetString() switch
        {
            "Linear(5,4)" => nn.Linear(5, 4).spectral_norm(n_power_iterations: iterations, eps: eps),
            "Conv2d(3,4,(2,3))" => nn.Conv2d(3, 4, (2, 3)).spectral_norm(n_power_iterations: iterations, eps: eps),
            "ConvTranspose2d(3,4,(2,3))" => nn.ConvTranspose2d(3, 4, (2, 3))
                .spectral_norm(n_power_iterations: iterations, eps: eps),
            var other => throw new NotSupportedException(other),
        };
        module.to(ScalarType.Float64);
        module.load_state_dict(golden.State("state"));

        foreach (var step in golden.GetProperty("steps").EnumerateArray())
        {
            module.train(step.GetProperty("training").GetBoolean());
            module.zero_grad();
            using var value = module.parametrization("weight").Value;
            Near.Same(step.Tensor("weight"), value, Tolerance);
            value.backward([golden.Tensor("grad_weight")]);
            var original = (Parameter)module.state_dict()["parametrizations.weight.original"];
            Near.Same(step.Tensor("grad_original"), original.grad!, Tolerance);
            SameState(step.State("state_after"), module);
        }
    }
}

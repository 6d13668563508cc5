using Parametrize;
using Parametrize.CSharp;
using Properties.CSharp.Support;
using TorchSharp;
using TorchSharp.Modules;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp.State;

/// <summary>The base of a tall matrix is as large as the matrix here, and square in PyTorch.</summary>
public class BasesAsPyTorchHasThem
{
    private const string Original = "parametrizations.weight.original";
    private const string Base = "parametrizations.weight.0.base";

    public static TheoryData<string, int, int> Cases
    {
        get
        {
            var cases = new TheoryData<string, int, int>();
            foreach (var value in new[] { "cayley", "matrixExp", "householder", "orthogonal" })
            foreach (var (rows, columns) in new[] { (7, 3), (3, 7), (4, 4) })
                cases.Add(value, rows, columns);
            return cases;
        }
    }

    private static Linear Layer(string value, int rows, int columns) =>
        nn.Linear(columns, rows, dtype: ScalarType.Float64)
            .register_parametrization("weight", Parametrizations.Parse(value), WhenNotAllowed.Project);

    private static Linear Trained(string value, int rows, int columns)
    {
        var layer = Layer(value, rows, columns);
        using (no_grad())
            layer.parametrization("weight").parameters().Single().add_(randn(rows, columns, dtype: ScalarType.Float64));
        return layer;
    }

    private static Tensor Weight(Linear layer) => layer.parametrization("weight").Value.detach();

    [Theory]
    [InlineData("orthogonal")]
    [InlineData("skew")]
    [InlineData("identity")]
    public void A_state_is_a_copy(string value)
    {
        var layer = Layer(value, 4, 4);
        var state = layer.pytorch_state_dict();
        var before = state.ToDictionary(entry => entry.Key, entry => entry.Value.clone());
        using (no_grad())
            foreach (var tensor in layer.state_dict().Values)
                tensor.fill_(7);
        foreach (var (key, tensor) in before)
            Near.Identical(tensor, state[key]);
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void A_square_base_is_kept_until_the_base_moves(string value, int rows, int columns)
    {
        var (from, to, plain) = (Trained(value, rows, columns), Layer(value, rows, columns), nn.Linear(columns, rows));
        var size = Math.Max(rows, columns);
        var state = from.pytorch_state_dict();
        Assert.Equal(from.state_dict().Keys, state.Keys);
        Assert.Equal([size, size], state[Base].shape);
        Near.Identical(from.state_dict()[Original].detach(), state[Original]);

        to.load_parametrized_state_dict(state);
        Near.Same(Weight(from), Weight(to), 1e-14);
        Near.Identical(state[Base], to.state_dict()[Base]);
        Near.Identical(state[Base], to.pytorch_state_dict()[Base]);
        to.call(randn(2, columns, dtype: ScalarType.Float64)).sum().backward();

        plain.load_parametrized_state_dict(
            state,
            parametrizations: new Dictionary<string, Parametrization> { ["weight"] = Parametrizations.Parse(value) }
        );
        Near.Same(Weight(from), plain.weight.detach().to(ScalarType.Float64), 1e-6);

        to.to(ScalarType.Float32);
        to.to(ScalarType.Float64);
        Near.Same(Weight(from), Weight(to), 1e-5);
        var before = Weight(to);
        to.update_base("weight");
        Near.Same(before, Weight(to), 1e-14);
        Assert.Equal([rows, columns], to.state_dict()[Base].shape);

        // And back again, between tensors of other shapes.
        to.load_parametrized_state_dict(state);
        to.load_parametrized_state_dict(from.state_dict());
        Near.Same(Weight(from), Weight(to), 1e-14);
        Assert.Equal([rows, columns], to.state_dict()[Base].shape);
    }

    [Fact]
    public void A_base_of_neither_shape_is_refused()
    {
        var layer = Layer("orthogonal", 7, 3);
        var before = Snapshot.Of(layer);
        foreach (var wrong in new[] { eye(3), eye(7).narrow(1, 0, 4), eye(3, 7), ones(7, 7) })
        {
            var state = layer.state_dict().ToDictionary(pair => pair.Key, pair => pair.Value.detach().clone());
            state[Base] = wrong.to(ScalarType.Float64);
            var error = Assert.Throws<StateDictException>(() => layer.load_parametrized_state_dict(state));
            Assert.Contains(Base, Assert.Single(error.Problems));
            before.AssertUnchanged();
        }
    }
}

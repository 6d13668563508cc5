using Parametrize;
using Parametrize.CSharp;
using Properties.CSharp.Support;
using TorchSharp.Modules;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp;

/// <summary>What lists parameters, states or reports neither takes in what a user has assigned nor throws because of it.</summary>
public class QueriesTakeNothingIn
{
    private sealed class Own : nn.Module<Tensor, Tensor>
    {
        public Parameter weight = nn.Parameter(randn(4, 4));

        public Own()
            : base(nameof(Own)) => RegisterComponents();

        public override Tensor forward(Tensor input) => input.mm(weight.T);
    }

    public static TheoryData<string, bool> Cases
    {
        get
        {
            var cases = new TheoryData<string, bool>();
            foreach (var kind in Kinds.Keys)
            {
                cases.Add(kind, true);
                cases.Add(kind, false);
            }
            return cases;
        }
    }

    private static readonly Dictionary<
        string,
        (Func<nn.Module<Tensor, Tensor>> Make, Action<nn.Module, Parameter> Assign)
    > Kinds = new()
    {
        ["Linear"] = (() => nn.Linear(4, 4, hasBias: false), (layer, p) => ((Linear)layer).weight = p),
        ["a module of one's own"] = (() => new Own(), (layer, p) => ((Own)layer).weight = p),
    };

    [Theory]
    [MemberData(nameof(Cases))]
    public void Until_the_next_use(string kind, bool isValid)
    {
        var (make, assign) = Kinds[kind];
        var layer = make();
        layer.register_parametrization("weight", Parametrizations.Orthogonal());
        var tensor = layer.parametrization("weight");
        using var before = tensor.Value.detach();
        using var next = isValid ? Parametrizations.Orthogonal().Sample([4, 4]) : ones(4, 4);
        assign(layer, nn.Parameter(next.clone()));

        Assert.Equal(tensor.parameters(), layer.parameters());
        Assert.Single(layer.named_parameters());
        Assert.Equal(2, layer.state_dict().Count);
        Assert.Equal(
            "inside",
            layer.parametrization_report()[0].ToString().Split("  ", StringSplitOptions.RemoveEmptyEntries)[4]
        );
        using (optim.Adam(layer.parameters())) { }
        if (isValid)
            Assert.True(layer.call(eye(4)).T.allclose(next, 1e-5, 1e-5));
        else
        {
            Assert.Throws<ParametrizationException>(() => layer.call(eye(4)));
            Assert.True(layer.call(eye(4)).T.allclose(before, 1e-5, 1e-6));
        }
    }
}

using Parametrize.Analyzers;
using Properties.Analyzers.Support;
using Xunit;

namespace Properties.Analyzers;

/// <summary>PARAM003 is reported where a field holds a placeholder for certain.</summary>
public class TensorsAreReadWhereTheyAre
{
    private const string Net = """
        ---
        class Net : nn.Module<Tensor, Tensor>
        {
            public Linear first = nn.Linear(4, 4);
            public readonly Parameter own = new(zeros(4, 4));
            public readonly ParametrizedTensor kernel = new(Parametrizations.Skew, zeros(4, 4));
            public Net() : base("Net") => RegisterComponents();
            public override Tensor forward(Tensor x) => first.call(x);
            public void Register()
            {
                first.orthogonal();
                this.register_parametrization("own", Parametrizations.Skew);
                Console.WriteLine(first.[|weight|] + this.first.[|weight|] + own + this.[|own|]);
            }
        }
        """;

    private const string Layer = "var layer = nn.Linear(4, 4); layer.orthogonal(); ";

    [Theory]
    [InlineData("var norm = layer.[|weight|].norm();")]
    [InlineData("var norm = layer.[|weight|]!.norm();")]
    [InlineData("var norm = (layer.[|weight|] * 2).norm();")]
    [InlineData("Tensor weight = layer.[|weight|];")]
    [InlineData("var weight = layer?.[|weight|];")]
    [InlineData("var one = layer.[|weight|][0, 1];")]
    [InlineData("Console.WriteLine(layer.[|weight|]);")]
    [InlineData("var shape = layer.[|weight|].shape;")]
    [InlineData("nn.functional.linear(ones(4), layer.[|weight|], layer.bias);")]
    [InlineData("var penalty = layer.[|weight|].square().sum() + layer.[|weight|].abs().sum();")]
    [InlineData("foreach (var i in new[] { 0, 1 }) Console.WriteLine(layer.[|weight|][i]);")]
    [InlineData("if (layer.[|weight|].numel() > 0) { }")]
    [InlineData("using (no_grad()) { var y = layer.[|weight|] * 2; }")]
    [InlineData("using (parametrize.cached()) { } var norm = layer.[|weight|].norm();")]
    [InlineData(
        "using (parametrize.cached()) { layer.call(ones(4)); } if (true) { var norm = layer.[|weight|].norm(); }"
    )]
    [InlineData("layer.remove_parametrizations(\"weight\"); layer.orthogonal(); var norm = layer.[|weight|].norm();")]
    [InlineData("layer.remove_parametrizations(\"bias\"); var norm = layer.[|weight|].norm();")]
    [InlineData("var same = layer; var norm = same.[|weight|].norm();")]
    [InlineData("bool Same(Tensor a) => true; if (Same(layer.[|weight|])) { }")]
    [InlineData("layer.bias = layer.[|weight|]![0] is var row ? new Parameter(row) : null;")]
    public Task A_field_is_read_after_registering(string code) =>
        Check.Reports(new ReadOutsidePassAnalyzer(), Program.Method(Layer + code));

    [Theory]
    [InlineData(
        "layer.register_parametrization(\"weight\", Parametrizations.Skew); var norm = layer.[|weight|].norm();"
    )]
    [InlineData(
        "layer.register_parametrization(l => l.weight, Parametrizations.Skew); var norm = layer.[|weight|].norm();"
    )]
    [InlineData(
        "layer.register_parametrization(l => l.bias, Parametrizations.Sphere()); var norm = layer.[|bias|].norm();"
    )]
    [InlineData(
        "layer.register_parametrization(\"weight+bias\", Parametrizations.Sphere()); var norm = layer.[|weight|].norm() + layer.[|bias|]!.norm();"
    )]
    [InlineData("layer.spectral_norm(); var norm = layer.[|weight|].norm();")]
    [InlineData("layer.weight_norm(); var norm = layer.[|weight|].norm();")]
    [InlineData("layer.orthogonal(name: \"weight\"); var norm = layer.[|weight|].norm();")]
    [InlineData("const string name = \"weight\"; layer.orthogonal(name); var norm = layer.[|weight|].norm();")]
    [InlineData("layer.l1_unstructured(\"weight\", 0.5); var norm = layer.[|weight|].norm();")]
    [InlineData("prune.random_unstructured(layer, \"weight\", 0.5); var norm = layer.[|weight|].norm();")]
    [InlineData("prune.identity(layer, \"weight\"); var norm = layer.[|weight|].norm();")]
    [InlineData(
        "layer.share_parametrization(\"weight\", nn.Linear(4, 4).orthogonal().parametrization(\"weight\")); var norm = layer.[|weight|].norm();"
    )]
    [InlineData("var other = layer.orthogonal(); var norm = other.[|weight|].norm() + layer.[|weight|].norm();")]
    [InlineData("var other = nn.Linear(4, 4).orthogonal(); var norm = other.[|weight|].norm();")]
    [InlineData("var norm = layer.orthogonal().[|weight|].norm();")]
    [InlineData("if (layer.orthogonal() is not null) { var norm = layer.[|weight|].norm(); }")]
    [InlineData("try { layer.orthogonal(); var norm = layer.[|weight|].norm(); } catch { }")]
    [InlineData(
        "for (var i = 0; i < 2; i++) { var one = nn.Linear(4, 4).orthogonal(); var norm = one.[|weight|].norm(); }"
    )]
    [InlineData("Action run = () => { layer.orthogonal(); var norm = layer.[|weight|].norm(); };")]
    public Task However_it_was_registered(string code) =>
        Check.Reports(new ReadOutsidePassAnalyzer(), Program.Method($"var layer = nn.Linear(4, 4); {code}"));

    [Theory]
    [InlineData("net.first.orthogonal(); var norm = net.first.[|weight|].norm();")]
    [InlineData("net.orthogonal(\"first.weight\"); var norm = net.first.[|weight|].norm();")]
    [InlineData(
        "net.register_parametrization(\"first.weight+bias\", Parametrizations.Sphere()); var norm = net.first.[|bias|]!.norm();"
    )]
    [InlineData(
        "net.register_parametrization(n => n.first.weight, Parametrizations.Skew); var norm = net.first.[|weight|].norm();"
    )]
    [InlineData("var first = net.first; net.orthogonal(\"first.weight\"); var norm = first.[|weight|].norm();")]
    [InlineData("net.register_parametrization(\"own\", Parametrizations.Skew); var norm = net.[|own|].norm();")]
    [InlineData("net.register_parametrization(\"kernel\", Parametrizations.Skew); var norm = net.kernel.Value.norm();")]
    [InlineData("net.first.orthogonal(); net.first.bias = null; var norm = net.first.[|weight|].norm();")]
    public Task In_modules_of_ones_own(string code) =>
        Check.Reports(
            new ReadOutsidePassAnalyzer(),
            Program.Method($"var net = new Net(); {code}{Net.Replace(" + own", "")}")
        );

    [Fact]
    public Task Children_by_index_are_the_same_by_name() =>
        Check.Reports(
            new ReadOutsidePassAnalyzer(),
            Program.Method(
                "var net = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4)); net.orthogonal(\"1.weight\");"
                    + "var norm = ((Linear)net[1]).[|weight|].norm() + ((Linear)net[0]).weight.norm();"
            )
        );

    [Theory]
    [InlineData("using (parametrize.cached(layer)) { var norm = layer.weight.norm(); }")]
    [InlineData("using (parametrize.cached()) { layer.call(ones(4)); var norm = layer.weight.norm(); }")]
    [InlineData("using var scope = parametrize.cached(layer); var norm = layer.weight.norm();")]
    [InlineData("var scope = parametrize.cached(layer); var norm = layer.weight.norm(); scope.Dispose();")]
    [InlineData("using var scope = parametrize.cached(layer); if (true) { var norm = layer.weight.norm(); }")]
    [InlineData("var norm = layer.parametrization(\"weight\").Value.norm();")]
    [InlineData("var norm = layer.bias!.norm();")]
    [InlineData("layer.weight = new Parameter(ones(4, 4));")]
    [InlineData("var name = nameof(layer.weight);")]
    [InlineData("if (layer.weight is null) { }")]
    [InlineData("if (layer.weight is not null) { }")]
    [InlineData("var device = layer.weight.device;")]
    [InlineData("layer.weight.requires_grad = false;")]
    [InlineData("var type = layer.weight.dtype;")]
    [InlineData("layer.remove_parametrizations(\"weight\"); var norm = layer.weight.norm();")]
    [InlineData(
        "layer.remove_parametrizations(\"weight\", leave_parametrized: false); var norm = layer.weight.norm();"
    )]
    [InlineData("layer.remove_parametrizations(\"weight\").weight.norm();")]
    [InlineData("var name = Console.ReadLine()!; layer.remove_parametrizations(name); var norm = layer.weight.norm();")]
    [InlineData(
        "foreach (var name in new[] { \"weight\" }) layer.remove_parametrizations(name); var norm = layer.weight.norm();"
    )]
    [InlineData("prune.remove(layer, \"weight\"); var norm = layer.weight.norm();")]
    [InlineData("layer = nn.Linear(4, 4); var norm = layer.weight.norm();")]
    [InlineData("Action run = () => Console.WriteLine(layer.weight);")]
    [InlineData("void Run() => Console.WriteLine(layer.weight);")]
    [InlineData("var other = nn.Linear(4, 4); var norm = other.weight.norm();")]
    [InlineData("var same = ReferenceEquals(layer.weight, null);")]
    public Task It_has_a_value_or_none_is_asked_for(string code) =>
        Check.Reports(new ReadOutsidePassAnalyzer(), Program.Method(Layer + code));

    [Theory]
    [InlineData("var norm = layer.weight.norm(); layer.orthogonal();")]
    [InlineData("if (layer.training) layer.orthogonal(); var norm = layer.weight.norm();")]
    [InlineData("if (layer.training) { layer.orthogonal(); } else { var norm = layer.weight.norm(); }")]
    [InlineData("if (layer.training) { layer.orthogonal(); return; } var norm = layer.weight.norm();")]
    [InlineData("for (var i = 0; i < 2; i++) layer.orthogonal(); var norm = layer.weight.norm();")]
    [InlineData("try { layer.orthogonal(); } catch { var norm = layer.weight.norm(); }")]
    [InlineData("foreach (var one in new[] { layer }) one.orthogonal(); var norm = layer.weight.norm();")]
    [InlineData("Action register = () => layer.orthogonal(); var norm = layer.weight.norm();")]
    [InlineData(
        "layer.register_parametrization(Console.ReadLine()!, Parametrizations.Skew); var norm = layer.weight.norm();"
    )]
    [InlineData("layer.orthogonal(\"bias\"); var norm = layer.weight.norm();")]
    [InlineData("nn.Linear(4, 4).orthogonal(); var norm = layer.weight.norm();")]
    [InlineData("if (layer.training && layer.orthogonal() is not null) { } var norm = layer.weight.norm();")]
    [InlineData("var other = layer.training ? layer.orthogonal() : layer; var norm = layer.weight.norm();")]
    public Task It_may_not_be_parametrized(string code) =>
        Check.Reports(new ReadOutsidePassAnalyzer(), Program.Method($"var layer = nn.Linear(4, 4); {code}"));

    [Fact]
    public async Task The_message_says_what_to_read_instead()
    {
        var messages = await Check.Reports(
            new ReadOutsidePassAnalyzer(),
            "// script\nvar layer = nn.Linear(4, 4);\nlayer.orthogonal();\nvar norm = layer.[|weight|].norm();\n"
        );
        Assert.Equal(
            "'layer.weight' is parametrized in line 3 and has no value here: read 'layer.parametrization(\"weight\").Value', "
                + "or read it in 'parametrize.cached'",
            Assert.Single(messages)
        );
    }
}

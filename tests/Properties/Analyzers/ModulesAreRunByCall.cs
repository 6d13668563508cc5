using Parametrize.Analyzers;
using Properties.Analyzers.Support;
using Xunit;

namespace Properties.Analyzers;

/// <summary>PARAM001 is reported wherever hooks are bypassed, and nowhere else.</summary>
public class ModulesAreRunByCall
{
    private const string Net = """
        ---
        class Net : nn.Module<Tensor, Tensor>
        {
            public readonly Linear first = nn.Linear(4, 4);
            public Net() : base("Net") => RegisterComponents();
            public override Tensor forward(Tensor x) => first.call(x);
        }
        """;

    [Theory]
    [InlineData("nn.Linear(4, 4).[|forward|](ones(4));")]
    [InlineData(
        "var layer = nn.Linear(4, 4); for (var i = 0; i < 3; i++) { using var y = layer.[|forward|](ones(4)); }"
    )]
    [InlineData("nn.Module<Tensor, Tensor> layer = nn.Linear(4, 4); layer.[|forward|](ones(4));")]
    [InlineData("nn.Module<Tensor, Tensor>? layer = nn.Linear(4, 4); layer?.[|forward|](ones(4));")]
    [InlineData("var layer = nn.Linear(4, 4); layer!.[|forward|](ones(4));")]
    [InlineData("nn.Sequential(nn.Linear(4, 4)).[|forward|](ones(4));")]
    [InlineData("nn.Bilinear(4, 4, 4).[|forward|](ones(4), ones(4));")]
    [InlineData("nn.LSTM(4, 4).[|forward|](ones(1, 1, 4), null);")]
    [InlineData("nn.GRUCell(4, 4).[|forward|](ones(1, 4), null);")]
    [InlineData("nn.Embedding(4, 4).[|forward|](ones(1, int64));")]
    [InlineData(
        "nn.MultiheadAttention(4, 1).[|forward|](ones(1, 1, 4), ones(1, 1, 4), ones(1, 1, 4), null, true, null);"
    )]
    [InlineData("nn.BatchNorm1d(4).[|forward|](ones(2, 4));")]
    [InlineData("nn.PReLU(4).[|forward|](ones(2, 4));")]
    [InlineData("nn.ConvTranspose2d(1, 1, 3).[|forward|](ones(1, 1, 3, 3));")]
    [InlineData("new Net().[|forward|](ones(4));" + Net)]
    [InlineData("new Net().first.[|forward|](ones(4));" + Net)]
    [InlineData("var net = new Net(); Action run = () => net.[|forward|](ones(4)); run();" + Net)]
    [InlineData("var net = new Net(); Tensor Run() => net.[|forward|](ones(4)); Run();" + Net)]
    [InlineData("var net = new Net(); var y = (net.[|forward|](net.[|forward|](ones(4))));" + Net)]
    [InlineData("if (new Net() is { } net && net.[|forward|](ones(4)).numel() > 0) { }" + Net)]
    [InlineData("using (no_grad()) { new Net().[|forward|](ones(4)); }" + Net)]
    [InlineData("using (parametrize.cached()) { new Net().[|forward|](ones(4)); }" + Net)]
    [InlineData("using var scope = parametrize.cached(); new Net().[|forward|](ones(4));" + Net)]
    [InlineData("var net = new Net(); using (parametrize.cached(net)) { } net.[|forward|](ones(4));" + Net)]
    public Task A_module_is_run(string code) => Check.Reports(new RunByForwardAnalyzer(), Program.Method(code));

    [Theory]
    [InlineData("var net = new Net(); Func<Tensor, Tensor> run = net.[|forward|];" + Net)]
    [InlineData("var net = new Net(); var run = new Func<Tensor, Tensor>(net.[|forward|]);" + Net)]
    [InlineData("var net = new Net(); new[] { ones(4) }.Select(net.[|forward|]).ToList();" + Net)]
    [InlineData("new[] { nn.Linear(4, 4) }.Select(layer => layer.[|forward|](ones(4))).ToList();")]
    [InlineData("Run(nn.Linear(4, 4).[|forward|]); void Run(Func<Tensor, Tensor> run) { }")]
    [InlineData("var net = new Net(); Delegate run = (Func<Tensor, Tensor>)net.[|forward|];" + Net)]
    public Task Its_forward_pass_is_handed_on(string code) =>
        Check.Reports(new RunByForwardAnalyzer(), Program.Method(code));

    [Theory]
    [InlineData("first.forward(x)")]
    [InlineData("this.first.forward(x)")]
    [InlineData("layers.Aggregate(x, (state, layer) => layer.forward(state))")]
    [InlineData("first.forward(first.call(x))")]
    [InlineData("new[] { x }.Select(first.forward).Single()")]
    public Task A_modules_own_forward_pass_may_run_its_children_so(string body) =>
        Check.Reports(new RunByForwardAnalyzer(), Class($"public override Tensor forward(Tensor x) => {body};"));

    [Theory]
    [InlineData("public Tensor Predict(Tensor x) => [|forward|](x).argmax();")]
    [InlineData("public Tensor Predict(Tensor x) => this.[|forward|](x).argmax();")]
    [InlineData("public Tensor Features(Tensor x) => first.[|forward|](x);")]
    [InlineData("public Tensor Property => [|forward|](ones(4));")]
    [InlineData("public Func<Tensor, Tensor> Run => [|forward|];")]
    [InlineData("public Tensor forward(Tensor x, bool flag) => [|forward|](x);")]
    [InlineData("public static Tensor Run(Own own) => own.[|forward|](ones(4));")]
    [InlineData("public static Tensor Run<T>(T own) where T : nn.Module<Tensor, Tensor> => own.[|forward|](ones(4));")]
    [InlineData("public static Tensor Run<T>(T own) where T : Own => own.[|forward|](ones(4));")]
    [InlineData("public static T Run<S, T>(nn.Module<S, T> own, S x) => own.[|forward|](x);")]
    public Task Other_methods_of_modules_run_them(string member) =>
        Check.Reports(
            new RunByForwardAnalyzer(),
            Class($"public override Tensor forward(Tensor x) => first.call(x);\n    {member}")
        );

    [Theory]
    [InlineData("nn.Linear(4, 4).call(ones(4));")]
    [InlineData("nn.ReLU().forward(ones(4));")]
    [InlineData("nn.Dropout(0.5).forward(ones(4));")]
    [InlineData("nn.Flatten().forward(ones(4, 4));")]
    [InlineData("nn.MSELoss().forward(ones(4), ones(4));")]
    [InlineData("nn.CrossEntropyLoss().forward(ones(4, 4), ones(4));")]
    [InlineData("Loss<Tensor, Tensor, Tensor> loss = nn.MSELoss(); loss.forward(ones(4), ones(4));")]
    [InlineData("new[] { ones(4) }.Select(nn.Tanh().forward).ToList();")]
    [InlineData("new Parametrize.Flows.ActNorm(4).forward(ones(2, 4));")]
    [InlineData("new Parametrize.Flows.Flow(new Parametrize.Flows.LinearFlow(4), 4).forward(ones(2, 4));")]
    [InlineData(
        "Func<Tensor, Tensor> run = new Parametrize.Flows.Permutation(1, 0).Inverted().forward; run(ones(2, 2));"
    )]
    [InlineData("var name = nameof(Linear.forward);")]
    [InlineData("var layer = nn.Linear(4, 4); var name = nameof(layer.forward);")]
    [InlineData("new Other().forward(ones(4)); --- class Other { public Tensor forward(Tensor x) => x; }")]
    [InlineData("Other.forward(ones(4)); --- static class Other { public static Tensor forward(Tensor x) => x; }")]
    [InlineData("using var p = new ParametrizedTensor(Parametrizations.Skew, zeros(4, 4)); p.Value.Dispose();")]
    [InlineData("var layer = nn.Linear(4, 4); using (parametrize.cached(layer)) { layer.forward(ones(4)); }")]
    [InlineData("var layer = nn.Linear(4, 4); using (parametrize.cached(layer)) layer.forward(ones(4));")]
    [InlineData("var layer = nn.Linear(4, 4); using (var s = parametrize.cached(layer)) { layer.forward(ones(4)); }")]
    [InlineData("var layer = nn.Linear(4, 4); using var s = parametrize.cached(layer); layer.forward(ones(4));")]
    [InlineData("var layer = nn.Linear(4, 4); var s = parametrize.cached(layer); layer.forward(ones(4)); s.Dispose();")]
    [InlineData(
        "var layer = nn.Linear(4, 4); using (no_grad()) using (parametrize.cached(layer)) layer.forward(ones(4));"
    )]
    public Task Nothing_is_bypassed(string code) => Check.Reports(new RunByForwardAnalyzer(), Program.Method(code));

    [Theory]
    [InlineData("class Deep : Own { public override Tensor forward(Tensor x) => base.forward(x) + 1; }")]
    [InlineData("class Deep : Own { public Tensor Other(Tensor x) => base.forward(x); }")]
    [InlineData(
        "class Deep : Own { public override Tensor forward(Tensor x) { Func<Tensor, Tensor> up = base.forward; return up(x); } }"
    )]
    [InlineData(
        "class Deep : Own { public override Tensor forward(Tensor x) => x.numel() > 9 ? x : forward(cat([x, x])); }"
    )]
    [InlineData(
        "class Deep : Own { public override Tensor forward(Tensor x) => x.numel() > 9 ? x : this.forward(cat([x, x])); }"
    )]
    [InlineData(
        "class Deep : Own { public override Tensor forward(Tensor x) { Tensor Again() => forward(x); return x.numel() > 9 ? x : Again(); } }"
    )]
    public Task A_module_runs_its_own_code(string type) =>
        Check.Reports(
            new RunByForwardAnalyzer(),
            Class("public override Tensor forward(Tensor x) => first.call(x);") + type
        );

    [Fact]
    public Task Top_level_programs_are_read() =>
        Check.Reports(
            new RunByForwardAnalyzer(),
            "// script\nvar layer = nn.Linear(4, 4).orthogonal();\nusing var y = layer.[|forward|](ones(4));\n"
        );

    [Fact]
    public async Task The_message_says_what_is_run()
    {
        var messages = await Check.Reports(
            new RunByForwardAnalyzer(),
            Program.Method("var layer = nn.Linear(4, 4); layer.[|forward|](ones(4));")
        );
        Assert.Equal(
            "'layer.forward' runs no hooks, so that parametrized tensors are not computed: write 'call'",
            Assert.Single(messages)
        );
    }

    private static string Class(string members) =>
        $$"""
            class Own : nn.Module<Tensor, Tensor>
            {
                public readonly Linear first = nn.Linear(4, 4);
                public readonly ModuleList<nn.Module<Tensor, Tensor>> layers = nn.ModuleList<nn.Module<Tensor, Tensor>>();
                public Own() : base("Own") => RegisterComponents();
                {{members}}
            }

            """;
}

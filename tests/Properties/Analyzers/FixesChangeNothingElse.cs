using Parametrize.Analyzers;
using Properties.Analyzers.Support;
using Xunit;

namespace Properties.Analyzers;

/// <summary>A fix puts right what was reported, compiles, and leaves the rest as it was.</summary>
public class FixesChangeNothingElse
{
    private const string Taker = """
        class Taker : nn.Module<Tensor, Tensor?, bool, Tensor>
        {
            public Taker() : base("Taker") { }
            public override Tensor forward(Tensor x, Tensor? y = null, bool flag = true) => x;
        }
        class Returner : nn.Module<Tensor, object>
        {
            public Returner() : base("Returner") { }
            public override string forward(Tensor x) => "";
        }
        """;

    [Theory]
    [InlineData("nn.Linear(4, 4).[|forward|](ones(4));", "nn.Linear(4, 4).call(ones(4));")]
    [InlineData(
        "var y = nn.Linear(4, 4) // one\n  .[|forward|](ones(4)); // two",
        "var y = nn.Linear(4, 4) // one\n  .call(ones(4)); // two"
    )]
    [InlineData(
        "var y = nn.Linear(4, 4) . /* a */ [|forward|] /* b */ ( ones(4) );",
        "var y = nn.Linear(4, 4) . /* a */ call /* b */ ( ones(4) );"
    )]
    [InlineData("new Taker().[|forward|](y: ones(4), x: zeros(4));", "new Taker().call(zeros(4), ones(4), true);")]
    [InlineData(
        "nn.Bilinear(4, 4, 4).[|forward|](input2: ones(4), input1: zeros(4));",
        "nn.Bilinear(4, 4, 4).call(input2: ones(4), input1: zeros(4));"
    )]
    [InlineData("new Taker().[|forward|](ones(4));", "new Taker().call(ones(4), null, true);")]
    [InlineData("new Taker().[|forward|](ones(4), flag: false);", "new Taker().call(ones(4), null, false);")]
    [InlineData("new Taker().[|forward|](ones(4), ones(4), false);", "new Taker().call(ones(4), ones(4), false);")]
    [InlineData(
        "nn.Module<Tensor, Tensor>? a = nn.Linear(4, 4); a?.[|forward|](ones(4));",
        "nn.Module<Tensor, Tensor>? a = nn.Linear(4, 4); a?.call(ones(4));"
    )]
    [InlineData(
        "var one = new Taker(); one?.[|forward|](ones(4));",
        "var one = new Taker(); one?.call(ones(4), null, true);"
    )]
    [InlineData(
        "var y = nn.LSTM(4, 4).[|forward|](ones(1, 1, 4), null);",
        "var y = nn.LSTM(4, 4).call(ones(1, 1, 4), null);"
    )]
    [InlineData(
        "nn.MultiheadAttention(4, 1).[|forward|](ones(4), ones(4), ones(4), null, true, null);",
        "nn.MultiheadAttention(4, 1).call(ones(4), ones(4), ones(4), null, true, null);"
    )]
    [InlineData(
        "Func<Tensor, Tensor> run = nn.Linear(4, 4).[|forward|];",
        "Func<Tensor, Tensor> run = nn.Linear(4, 4).call;"
    )]
    [InlineData(
        "new[] { ones(4) }.Select(nn.Linear(4, 4).[|forward|]).ToList();",
        "new[] { ones(4) }.Select(nn.Linear(4, 4).call).ToList();"
    )]
    public async Task Forward_becomes_call(string before, string after) =>
        Assert.Equal(
            Program.Method($"{after}---{Taker}"),
            await Check.Fixed(
                new RunByForwardAnalyzer(),
                new CallInsteadOfForward(),
                Program.Method($"{before}---{Taker}")
            )
        );

    [Fact]
    public async Task Inside_a_module_it_is_its_own_call() =>
        Assert.Contains(
            "=> call(x).argmax()",
            await Check.Fixed(
                new RunByForwardAnalyzer(),
                new CallInsteadOfForward(),
                """
                class Own() : nn.Module<Tensor, Tensor>("Own")
                {
                    public override Tensor forward(Tensor x) => x;
                    public Tensor Predict(Tensor x) => forward(x).argmax();
                }
                """
            )
        );

    [Theory]
    [InlineData("string text = new Returner().[|forward|](ones(4));")]
    public async Task Where_call_is_not_the_same_nothing_is_offered(string code) =>
        Assert.Null(
            await Check.Fixed(
                new RunByForwardAnalyzer(),
                new CallInsteadOfForward(),
                Program.Method($"{code}---{Taker}")
            )
        );

    [Fact]
    public async Task All_of_them_in_several_documents()
    {
        var before = new[]
        {
            """
                class A
                {
                    Tensor Run(Linear layer, Tensor x) => layer.forward(layer.forward(layer.call(x))); // layer.forward
                    Tensor Twice(Linear layer, Tensor x) { var y = layer.forward(x); return layer.forward(y); }
                    Func<Tensor, Tensor> Handed(Linear layer) => layer.forward;
                }
                """,
            """
                class B() : nn.Module<Tensor, Tensor>("B")
                {
                    private readonly Linear _layer = nn.Linear(4, 4);
                    public override Tensor forward(Tensor x) => nn.ReLU().forward(_layer.forward(x));
                    public Tensor Predict(Tensor x) => this.forward(x);
                }
                class C : B { public override Tensor forward(Tensor x) => base.forward(x); }
                """,
            "class D { void Run() => nn.Linear(4, 4).call(ones(4)); string Text => \"forward(\"; }",
        };
        var after = before.ToArray();
        after[0] = """
            class A
            {
                Tensor Run(Linear layer, Tensor x) => layer.call(layer.call(layer.call(x))); // layer.forward
                Tensor Twice(Linear layer, Tensor x) { var y = layer.call(x); return layer.call(y); }
                Func<Tensor, Tensor> Handed(Linear layer) => layer.call;
            }
            """;
        after[1] = before[1].Replace("this.forward", "this.call");
        Assert.Equal(after, await Check.AllFixed(new RunByForwardAnalyzer(), new CallInsteadOfForward(), before));
    }

    [Theory]
    [InlineData("layer.[|weight|].norm();", "layer.parametrization(\"weight\").Value.norm();")]
    [InlineData(
        "var one = layer.[|weight|]![0, 1] /* a */;",
        "var one = layer.parametrization(\"weight\").Value![0, 1] /* a */;"
    )]
    [InlineData("var w = layer.[|weight|];", "var w = layer.parametrization(\"weight\").Value;")]
    [InlineData("Tensor w = /* a */ layer.[|weight|];", "Tensor w = /* a */ layer.parametrization(\"weight\").Value;")]
    [InlineData("Console.WriteLine(layer.[|weight|]);", "Console.WriteLine(layer.parametrization(\"weight\").Value);")]
    public async Task Fields_become_values(string before, string after)
    {
        const string start = "var layer = nn.Linear(4, 4); layer.orthogonal(); ";
        Assert.Equal(
            Program.Method(start + after),
            await Check.Fixed(new ReadOutsidePassAnalyzer(), new ValueInsteadOfField(), Program.Method(start + before))
        );
    }

    [Theory]
    [InlineData("var layer = nn.Linear(4, 4); layer.orthogonal(); var w = layer?.[|weight|];")]
    [InlineData("var layer = nn.Linear(4, 4); layer.orthogonal(); Parameter w = layer.[|weight|];")]
    [InlineData("var layer = nn.Linear(4, 4); layer.orthogonal(); Take(layer.[|weight|]); void Take(Parameter p) { }")]
    [InlineData(
        "var layer = nn.Linear(4, 4); layer.register_parametrization(\"weight+bias\", Parametrizations.Sphere()); var w = layer.[|weight|].norm();"
    )]
    public async Task Where_the_value_does_not_fit_nothing_is_offered(string code) =>
        Assert.Null(await Check.Fixed(new ReadOutsidePassAnalyzer(), new ValueInsteadOfField(), Program.Method(code)));

    [Fact]
    public async Task All_fields_in_several_documents()
    {
        string[] before =
        [
            "class A { Tensor Run(Linear a) { a.orthogonal(); return a.weight * 2 + a.weight.norm() + a.bias; } }",
            "class B { Tensor Run(Linear b) { b.weight_norm(); using (parametrize.cached(b)) b.weight.norm(); return b.weight.norm(); } }",
        ];
        string[] after =
        [
            before[0].Replace("a.weight", "a.parametrization(\"weight\").Value"),
            before[1].Replace("return b.weight", "return b.parametrization(\"weight\").Value"),
        ];
        Assert.Equal(after, await Check.AllFixed(new ReadOutsidePassAnalyzer(), new ValueInsteadOfField(), before));
    }
}

using Parametrize.Analyzers;
using Properties.Analyzers.Support;
using Xunit;

namespace Properties.Analyzers;

/// <summary>PARAM002 is reported where new parameters are made behind the back of an optimizer.</summary>
public class OptimizersAreTold
{
    private const string Net = """
        ---
        class Net : nn.Module<Tensor, Tensor>
        {
            public readonly Linear first = nn.Linear(4, 4);
            public Linear Second { get; } = nn.Linear(4, 4);
            public Net() : base("Net") => RegisterComponents();
            public override Tensor forward(Tensor x) => first.call(x);
        }
        """;

    /// <summary>A model and an optimizer that was given its parameters.</summary>
    private const string Early = "var net = new Net(); var optimizer = optim.Adam(net.parameters()); ";

    [Theory]
    [InlineData("net.first.[|weight_norm|]();")]
    [InlineData("net.Second.[|weight_norm|]();")]
    [InlineData("net.[|weight_norm|](\"first.weight\");")]
    [InlineData("net.orthogonal(\"first.weight\").[|weight_norm|](\"Second.weight\");")]
    [InlineData("net.[|weight_norm|](\"first.weight\").orthogonal(\"Second.weight\");")]
    [InlineData("var layer = net.first; layer.[|weight_norm|]();")]
    [InlineData("net!.first!.[|weight_norm|]();")]
    [InlineData("(net.first as Linear)?.[|weight_norm|]();")]
    [InlineData("((Linear)net.named_children().First().module).[|weight_norm|]();")]
    [InlineData("parametrize.[|weight_norm|](net.first);")]
    [InlineData("parametrize.[|register_parametrization|](net.first, \"weight\", Parametrizations.LowRank(2));")]
    [InlineData("net.first.[|register_parametrization|](\"weight\", Parametrizations.WeightNorm());")]
    [InlineData("net.first.[|register_parametrization|](\"weight\", Parametrizations.FixedRank(2));")]
    [InlineData("net.first.[|register_parametrization|](l => l.weight, Parametrizations.LowRank(2));")]
    [InlineData(
        "net.first.[|register_parametrization|](\"weight\", Parametrizations.Skew.Then(Parametrizations.WeightNorm()));"
    )]
    [InlineData(
        "net.first.[|register_parametrization|](\"weight\", Parametrizations.OnKernel(Parametrizations.LowRank(1)));"
    )]
    [InlineData(
        "net.first.[|register_parametrization|](\"weight\", Parametrizations.Sum(Parametrizations.Skew, Parametrizations.Diagonal));"
    )]
    [InlineData("var value = Parametrizations.LowRank(2); net.first.[|register_parametrization|](\"weight\", value);")]
    [InlineData(
        "var low = Parametrizations.LowRank(2); var value = Parametrizations.OnKernel(low); net.first.[|register_parametrization|](\"weight\", value);"
    )]
    [InlineData("net.first.[|register_parametrization|](\"weight+bias\", Parametrizations.Sphere());")]
    [InlineData("net.[|register_parametrization|](\"first.weight+bias\", Parametrizations.Sphere());")]
    [InlineData("net.[|register_parametrizations|]<Linear>(\"weight\", Parametrizations.WeightNorm());")]
    [InlineData(
        "net.[|register_parametrizations|]((name, module) => true, \"weight\", Parametrizations.LowRank(1), allowNone: true);"
    )]
    [InlineData("net.first.[|register_parametrization|]([\"weight\", \"bias\"], Parametrizations.Sphere());")]
    [InlineData("net.[|get_peft_model|](new LoraConfig { TargetModules = [\"first\"] });")]
    [InlineData("peft.[|load_adapter|](net, \"folder\", is_trainable: true);")]
    [InlineData("foreach (var child in net.children()) child.[|weight_norm|]();")]
    [InlineData("foreach (var (name, child) in net.named_modules()) child.[|weight_norm|]();")]
    [InlineData("foreach (var child in net.modules().OfType<Linear>()) { child.[|weight_norm|](); }")]
    [InlineData("if (Environment.ProcessorCount > 1) net.first.[|weight_norm|]();")]
    [InlineData("if (Environment.ProcessorCount > 1) { return; } net.first.[|weight_norm|]();")]
    [InlineData("for (var i = 0; i < 3; i++) { if (i == 1) { continue; } net.first.[|weight_norm|](); }")]
    [InlineData("try { net.first.[|weight_norm|](); } finally { net.Dispose(); }")]
    public Task A_registration_makes_parameters_after(string code) =>
        Check.Reports(new EarlyOptimizerAnalyzer(), Program.Method($"{Early}{code} optimizer.step();{Net}"));

    [Fact]
    public Task An_adapter_that_is_not_trained_is_no_matter_of_an_optimizer() =>
        Check.Reports(
            new EarlyOptimizerAnalyzer(),
            Program.Method($"{Early}peft.load_adapter(net, \"folder\"); optimizer.step();{Net}")
        );

    [Theory]
    [InlineData(
        "var net = new Net(); var optimizer = optim.SGD(net.parameters(), 0.1); net.first.[|weight_norm|](); optimizer.step();"
    )]
    [InlineData(
        "var net = new Net(); var optimizer = optim.RMSProp(net.parameters()); net.first.[|weight_norm|](); optimizer.step();"
    )]
    [InlineData(
        "var net = new Net(); var optimizer = optim.LBFGS(net.parameters()); net.first.[|weight_norm|](); optimizer.step(() => zeros(1));"
    )]
    [InlineData(
        "var net = new Net(); var optimizer = new Adam(net.parameters()); net.first.[|weight_norm|](); optimizer.step();"
    )]
    [InlineData(
        "var net = new Net(); var optimizer = optim.Adam(net.named_parameters()); net.first.[|weight_norm|](); optimizer.step();"
    )]
    [InlineData(
        "var net = new Net(); var optimizer = optim.Adam(net.parameters().ToList()); net.first.[|weight_norm|](); optimizer.step();"
    )]
    [InlineData(
        "var net = new Net(); var optimizer = optim.Adam(net.parameters().Where(p => p.requires_grad)); net.first.[|weight_norm|](); optimizer.step();"
    )]
    [InlineData(
        "var net = new Net(); var optimizer = optim.Adam(net.first.parameters().Concat(net.Second.parameters())); net.Second.[|weight_norm|](); optimizer.step();"
    )]
    [InlineData(
        "var net = new Net(); var all = net.parameters(); var optimizer = optim.Adam(all); net.first.[|weight_norm|](); optimizer.step();"
    )]
    [InlineData(
        "var net = new Net(); var optimizer = optim.Adam([new Adam.ParamGroup(net.parameters())]); net.first.[|weight_norm|](); optimizer.step();"
    )]
    [InlineData(
        "var net = new Net(); optim.Optimizer optimizer; optimizer = optim.Adam(net.parameters()); net.first.[|weight_norm|](); optimizer.step();"
    )]
    [InlineData(
        "var net = new Net(); Use(optim.Adam(net.parameters())); net.first.[|weight_norm|](); void Use(optim.Optimizer one) { }"
    )]
    [InlineData(
        "var net = new Net(); var optimizer = optim.Adam(net.parameters()); for (var i = 0; i < 9; i++) { optimizer.step(); if (i == 5) net.first.[|weight_norm|](); }"
    )]
    [InlineData(
        "var net = new Net(); using var optimizer = optim.Adam(net.parameters()); net.first.[|weight_norm|](); optimizer.step();"
    )]
    [InlineData(
        "Action run = () => { var net = new Net(); var optimizer = optim.Adam(net.parameters()); net.first.[|weight_norm|](); optimizer.step(); }; run();"
    )]
    public Task However_it_was_built(string code) =>
        Check.Reports(new EarlyOptimizerAnalyzer(), Program.Method($"{code}{Net}"));

    [Theory]
    [InlineData(
        "var layer = nn.Linear(4, 4); var net = nn.Sequential(layer, nn.ReLU()); var optimizer = optim.Adam(net.parameters()); layer.[|weight_norm|](); optimizer.step();"
    )]
    [InlineData(
        "var layer = nn.Linear(4, 4); var net = nn.Sequential((\"a\", layer)); var optimizer = optim.Adam(net.parameters()); layer.[|weight_norm|](); optimizer.step();"
    )]
    [InlineData(
        "var layer = nn.Linear(4, 4); var inner = nn.Sequential(layer); var net = nn.Sequential(inner); var optimizer = optim.Adam(net.parameters()); layer.[|weight_norm|](); optimizer.step();"
    )]
    [InlineData(
        "var net = nn.Sequential(nn.Linear(4, 4)); var optimizer = optim.Adam(net.parameters()); ((Linear)net[0]).[|weight_norm|](); optimizer.step();"
    )]
    [InlineData(
        "var net = nn.Linear(4, 4).to(CPU); var optimizer = optim.Adam(net.parameters()); net.[|weight_norm|](); optimizer.step();"
    )]
    [InlineData(
        "var net = nn.Linear(4, 4).orthogonal(); var optimizer = optim.Adam(net.parameters()); net.[|weight_norm|](\"bias\"); optimizer.step();"
    )]
    public Task However_the_module_is_reached(string code) =>
        Check.Reports(new EarlyOptimizerAnalyzer(), Program.Method(code));

    [Theory]
    [InlineData("net.first.orthogonal();")]
    [InlineData("net.first.spectral_norm();")]
    [InlineData(
        "net.first.register_parametrization(\"weight\", Parametrizations.Skew.Then(Parametrizations.Cayley()));"
    )]
    [InlineData("net.first.l1_unstructured(\"weight\", 0.5);")]
    [InlineData("prune.identity(net.first, \"weight\");")]
    [InlineData("net.register_parametrizations<Linear>(\"weight\", Parametrizations.Orthogonal());")]
    public Task The_modules_own_parameter_goes_on(string code) =>
        Check.Reports(new EarlyOptimizerAnalyzer(), Program.Method($"{Early}{code} optimizer.step();{Net}"));

    [Theory]
    [InlineData("net.first.weight_norm(); optimizer.add_parametrized_parameters(net); optimizer.step();")]
    [InlineData("net.first.weight_norm(); optimizer.add_parametrized_parameters(net.first); optimizer.step();")]
    [InlineData("net.first.weight_norm(); parametrize.add_parametrized_parameters(optimizer, net); optimizer.step();")]
    [InlineData(
        "net.first.weight_norm(); var added = optimizer.add_parametrized_parameters(net).Count; optimizer.step();"
    )]
    [InlineData(
        "net.first.weight_norm(); foreach (var one in new[] { optimizer }) one.add_parametrized_parameters(net);"
    )]
    [InlineData(
        "net.first.weight_norm(); Tell(); optimizer.step(); void Tell() => optimizer.add_parametrized_parameters(net);"
    )]
    [InlineData(
        "net.first.weight_norm(); optimizer.add_param_group(new Adam.ParamGroup(net.first.parameters())); optimizer.step();"
    )]
    [InlineData(
        "optimizer.step(); net.first.weight_norm(); optimizer = optim.Adam(net.parameters()); optimizer.step();"
    )]
    [InlineData(
        "optimizer.step(); net.first.weight_norm(); var second = optim.Adam(net.parameters()); second.step(); optimizer.Dispose();"
    )]
    [InlineData("optimizer.step(); net.first.weight_norm();")]
    [InlineData("optimizer.step(); optimizer.Dispose(); net.first.weight_norm();")]
    [InlineData("net.first.weight_norm(); net.first.remove_parametrizations(\"weight\"); optimizer.step();")]
    [InlineData("var other = new Net(); other.first.weight_norm(); optimizer.step();")]
    [InlineData("net = new Net(); var second = nn.Linear(4, 4).weight_norm(); optimizer.step();")]
    [InlineData("nn.Linear(4, 4).weight_norm(); optimizer.step();")]
    [InlineData("Register(); optimizer.step(); void Register() => net.first.weight_norm();")]
    [InlineData(
        "var rank = new { LowRank = 3 }; net.first.register_parametrization(\"weight\", Parametrizations.Scale(rank.LowRank)); optimizer.step();"
    )]
    [InlineData(
        "net.first.register_parametrization(\"weight\", Given()); optimizer.step(); Parametrization Given() => Parametrizations.LowRank(2);"
    )]
    public Task Nobody_is_left_behind(string code) =>
        Check.Reports(new EarlyOptimizerAnalyzer(), Program.Method($"{Early}{code}{Net}"));

    [Theory]
    [InlineData(
        "var net = new Net(); net.first.weight_norm(); var optimizer = optim.Adam(net.parameters()); optimizer.step();"
    )]
    [InlineData(
        "var net = new Net(); var optimizer = optim.Adam(net.first.parameters()); net.Second.weight_norm(); optimizer.step();"
    )]
    [InlineData(
        "var net = new Net(); optim.Optimizer optimizer; if (net.training) { optimizer = optim.Adam(net.parameters()); } else { net.first.weight_norm(); optimizer = optim.SGD(net.parameters(), 1); } optimizer.step();"
    )]
    [InlineData(
        "var net = new Net(); if (net.training) { var optimizer = optim.Adam(net.parameters()); optimizer.step(); return; } net.first.weight_norm();"
    )]
    [InlineData(
        "var net = new Net(); if (net.training) { Use(optim.Adam(net.parameters())); return; } net.first.weight_norm(); void Use(optim.Optimizer one) { }"
    )]
    [InlineData(
        "var net = new Net(); if (net.training) { Use(optim.Adam(net.parameters())); throw new Exception(); } net.first.weight_norm(); void Use(optim.Optimizer one) { }"
    )]
    [InlineData(
        "for (var i = 0; i < 2; i++) { var net = new Net(); net.first.weight_norm(); var optimizer = optim.Adam(net.parameters()); optimizer.step(); }"
    )]
    [InlineData(
        "for (var i = 0; i < 2; i++) { var net = new Net(); if (i == 0) { Use(optim.Adam(net.parameters())); continue; } net.first.weight_norm(); } void Use(optim.Optimizer one) { }"
    )]
    [InlineData(
        "var net = new Net(); switch (net.training) { case true: Use(optim.Adam(net.parameters())); break; default: net.first.weight_norm(); break; } void Use(optim.Optimizer one) { }"
    )]
    [InlineData(
        "var net = new Net(); var all = net.parameters(); net.first.weight_norm(); Console.WriteLine(all.Count());"
    )]
    public Task In_another_order_or_for_another_module(string code) =>
        Check.Reports(new EarlyOptimizerAnalyzer(), Program.Method($"{code}{Net}"));

    [Fact]
    public Task Fields_are_modules_and_optimizers_too() =>
        Check.Reports(
            new EarlyOptimizerAnalyzer(),
            """
            class Trainer
            {
                private readonly Linear _layer = nn.Linear(4, 4);
                private readonly optim.Optimizer _optimizer;
                public Trainer()
                {
                    _optimizer = optim.Adam(_layer.parameters());
                    _layer.[|weight_norm|]();
                }
                public Trainer(Linear layer)
                {
                    _layer = layer;
                    _optimizer = optim.Adam(_layer.parameters());
                    _layer.weight_norm();
                    _optimizer.add_parametrized_parameters(_layer);
                }
            }
            """
        );

    [Fact]
    public async Task The_message_names_the_line_and_the_verb()
    {
        var messages = await Check.Reports(
            new EarlyOptimizerAnalyzer(),
            "// script\nvar net = nn.Linear(4, 4);\nvar adam = optim.Adam(net.parameters());\nnet.[|weight_norm|]();\nadam.step();\n"
        );
        Assert.Equal(
            "'weight_norm' makes new parameters, of which the optimizer built in line 3 does not know: "
                + "follow it by 'adam.add_parametrized_parameters(net)', or build the optimizer after it",
            Assert.Single(messages)
        );
    }
}

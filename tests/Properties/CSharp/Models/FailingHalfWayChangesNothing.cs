using Parametrize;
using Parametrize.CSharp;
using Properties.CSharp.Shared;
using Properties.CSharp.Support;
using TorchSharp.Modules;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp.Models;

/// <summary>A verb that changes several tensors changes none of them if a node throws, in whichever step.</summary>
public class FailingHalfWayChangesNothing
{
    private static readonly string[] Operations =
    [
        "register one",
        "append one",
        "register many",
        "register joint",
        "register tied",
        "register native",
        "append many",
        "transfer",
        "transfer behind",
        "copy",
        "register in lists",
        "register in bags",
        "register joint in lists",
        "copy lists",
    ];

    public static TheoryData<string, int, bool> Cases
    {
        get
        {
            var cases = new TheoryData<string, int, bool>();
            foreach (var operation in Operations)
            foreach (var inputs in new[] { 1, 2 })
            foreach (var forGood in new[] { false, true })
                if (inputs == 1 || operation is not ("append one" or "append many" or "transfer behind"))
                    cases.Add(operation, inputs, forGood);
            return cases;
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void At_each_step_in_turn(string operation, int inputs, bool forGood)
    {
        var steps = 0;
        for (var tripped = true; tripped; steps++)
        {
            var node = new Tripping(inputs);
            var (models, operate) = Prepare(operation, node.Value);
            models.ForEach(Freeze);
            models.ForEach(Learn);
            var before = models.ConvertAll(Snapshot.Of);

            node.TripAt(steps + 1, forGood);
            var error = Record.Exception(operate);
            node.Stand();

            tripped = node.HasTripped;
            if (!tripped)
            {
                Assert.Null(error);
                continue;
            }
            Assert.IsType<ApplicationException>(error);
            before.ForEach(snapshot => snapshot.AssertUnchanged());
            operate();
            models.ForEach(Learn);
        }
        // Copies and transfers compute nothing.
        var computes = operation is not ("copy" or "copy lists" or "transfer");
        Assert.True(steps > 1 || forGood && !computes, "no step was reached");
    }

    [Theory]
    [InlineData("transfer")]
    [InlineData("transfer behind")]
    [InlineData("copy")]
    [InlineData("copy over")]
    public void At_each_tensor_of_the_source_in_turn(string operation)
    {
        var count = Prepare(operation, new Tripping(1).Value).Models[0].parametrizations().Count;
        for (var index = 0; index < count; index++)
        {
            var (models, operate) = Prepare(operation, new Tripping(1).Value);
            models.ForEach(Learn);
            var before = Snapshot.Of(models[1]);
            models[0].parametrizations()[index].tensor.named_buffers().Single().buffer.Dispose();

            Assert.ThrowsAny<Exception>(operate);

            before.AssertUnchanged();
            Learn(models[1]);
        }
        Assert.True(count > 1);
    }

    [Fact]
    public void Not_at_a_module_that_takes_no_child()
    {
        var model = nn.Sequential(new ParameterField(), new Childless());
        Assert.Equal(
            2,
            model
                .register_parametrizations((_, module) => module != model, "weight", Parametrizations.Orthogonal())
                .Count
        );
        Learn(model);
    }

    /// <summary>Two models, or one, and what is done to them.</summary>
    private static (List<nn.Module> Models, Action Operate) Prepare(string operation, Parametrization value)
    {
        switch (operation)
        {
            case "transfer":
            {
                var (from, to) = (Layer(value), nn.Linear(4, 4));
                return ([from, to], () => parametrize.transfer_parametrizations_and_params(from, to));
            }
            case "transfer behind":
            {
                var to = nn.Linear(4, 4)
                    .register_parametrization("weight", Parametrizations.Triangular(Triangle.Lower));
                to.register_parametrization("bias", Parametrizations.Positive);
                var from = Layer(value);
                return ([from, to], () => parametrize.transfer_parametrizations_and_params(from, to));
            }
            case "copy" or "copy over":
            {
                var from = Parametrized(value);
                var to = operation is "copy" ? new Net(value) : Parametrized(value);
                return ([from, to], () => parametrize.copy_parametrizations(from, to));
            }
            case "register one" or "append one":
            {
                var layer = nn.Linear(4, 4);
                if (operation is "append one")
                    layer.register_parametrization("weight", Parametrizations.Skew);
                return ([layer], () => layer.register_parametrization("weight", value));
            }
            case "append many":
            {
                var net = new Net();
                net.first.register_parametrization("weight", Parametrizations.Skew);
                net.blocks[0].l1_unstructured("weight", 0.5);
                return ([net], () => net.register_parametrizations<Linear>("weight", value));
            }
            case "register tied":
            {
                var net = new Net();
                net.blocks[1].weight = net.first.weight;
                return ([net], () => net.register_parametrizations<Linear>("weight", value));
            }
            case "register joint":
            {
                var net = new Net();
                return ([net], () => net.register_parametrizations<Linear>("weight+bias", value));
            }
            case "register native":
            {
                var pair = new Recurrent();
                return ([pair], () => pair.register_parametrizations<GRU>("weight_hh_l0", value));
            }
            case "register in lists":
            {
                var model = nn.Sequential(new WithList(2), new WithList(1));
                return ([model], () => model.register_parametrizations<ParameterList>("0", value));
            }
            case "register in bags":
            {
                var model = new WithBags();
                model.lists[1][0] = model.lists[0][0];
                return ([model], () => model.register_parametrizations<ParameterList>("0", value));
            }
            case "register joint in lists":
            {
                var model = nn.Sequential(new WithList(), new WithList());
                return ([model], () => model.register_parametrizations<ParameterList>("1+0", value));
            }
            case "copy lists":
            {
                var from = new WithDictionary().register_parametrization("parts.right", value);
                from.register_parametrization("parts.left", value);
                var to = new WithDictionary();
                return ([from, to], () => parametrize.copy_parametrizations(from, to));
            }
            default:
            {
                var net = new Net();
                return ([net], () => net.register_parametrizations((_, module) => module is Linear, "weight", value));
            }
        }
    }

    private static Linear Layer(Parametrization value) =>
        nn.Linear(4, 4).register_parametrization("bias", value).register_parametrization("weight", value);

    private static Net Parametrized(Parametrization value)
    {
        var net = new Net(value);
        net.first.register_parametrization("weight", value).register_parametrization("bias", value);
        net.blocks[0].share_parametrization("weight", net.first.parametrization("weight"));
        return net;
    }

    private static void Freeze(nn.Module model) => model.parameters().Last().requires_grad = false;

    private static void Learn(nn.Module model) => ((nn.Module<Tensor, Tensor>)model).call(randn(3, 4)).sum().backward();

    private sealed class Childless : nn.Module<Tensor, Tensor>
    {
        public Parameter weight = nn.Parameter(randn(4, 4));

        public Childless()
            : base(nameof(Childless)) => RegisterComponents();

        public override void register_module(string name, nn.Module submodule) => throw new ApplicationException();

        public override Tensor forward(Tensor input) => input.matmul(weight);
    }

    /// <summary>Two modules that keep their tensors in native memory.</summary>
    private sealed class Recurrent : nn.Module<Tensor, Tensor>
    {
        private readonly GRU first = nn.GRU(4, 4);
        private readonly GRU second = nn.GRU(4, 4);

        public Recurrent()
            : base(nameof(Recurrent)) => RegisterComponents();

        public override Tensor forward(Tensor input) => second.call(first.call(input.unsqueeze(0)).Item1).Item1;
    }
}

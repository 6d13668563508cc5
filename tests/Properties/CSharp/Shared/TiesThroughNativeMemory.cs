using Parametrize;
using Parametrize.CSharp;
using Properties.CSharp.Support;
using TorchSharp.Modules;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp.Shared;

/// <summary>
/// Parameters that are tied to one in native memory, which TorchSharp shows as another object each time: they are one parameter all the
/// same.
/// </summary>
public class TiesThroughNativeMemory
{
    public static TheoryData<string> Kinds =>
        ["embedding and linear", "two embeddings", "linear and embedding", "cells"];

    private static (Tied Model, string Name) Make(string kind)
    {
        switch (kind)
        {
            case "cells":
                var (cell, other) = (nn.GRUCell(4, 4), nn.GRUCell(4, 4));
                other.weight_hh = cell.weight_hh!;
                return (new(new Step(cell), new Step(other)), "cell.weight_hh");
            case "linear and embedding":
                var (linear, table) = (nn.Linear(4, 6, hasBias: false), nn.Embedding(6, 4));
                table.weight = linear.weight!;
                return (new(linear, table), "weight");
            case "two embeddings":
                var (first, second) = (nn.Embedding(6, 4), nn.Embedding(6, 4));
                second.weight = first.weight!;
                return (new(first, second), "weight");
            default:
                var (embedding, decoder) = (nn.Embedding(6, 4), nn.Linear(4, 6, hasBias: false));
                decoder.weight = embedding.weight!;
                return (new(embedding, decoder), "weight");
        }
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Every_parameter_is_listed_once(string kind)
    {
        var (model, name) = Make(kind);
        var others = model.other_parameters();
        Assert.Equal(kind == "cells" ? 7 : 1, others.Count);

        model.register_parametrization($"encoder.{name}", Parametrizations.Scale(2));
        Assert.Single(model.parametrized_parameters());
        Assert.Equal(others.Count - 1, model.other_parameters().Count);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void A_step_of_all_others_is_one_step(string kind)
    {
        var (model, name) = Make(kind);
        using var before = model.get_parameter($"encoder.{name}")!.detach().clone();
        var optimizer = optim.SGD(model.other_parameters(), 0.5);
        model.get_parameter($"encoder.{name}")!.sum().backward();
        optimizer.step();
        Near.Same(before - 0.5, model.get_parameter($"decoder.{name}")!);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void A_state_has_it_under_one_of_its_names(string kind)
    {
        foreach (var missing in new[] { "encoder", "decoder" })
        {
            var (model, name) = Make(kind);
            var state = model.state_dict().ToDictionary(entry => entry.Key, entry => entry.Value.detach() + 1);
            Assert.True(state.Remove($"{missing}.{name}"));
            using var expected = model.get_parameter($"encoder.{name}")!.detach() + 1;
            model.load_parametrized_state_dict(state);
            Near.Same(expected, model.get_parameter($"decoder.{name}")!);
        }
    }

    /// <summary>TorchSharp's setters dispose the object that they replace.</summary>
    [Theory]
    [InlineData("encoder.weight", false)]
    [InlineData("encoder.weight", true)]
    [InlineData("decoder.weight", false)]
    [InlineData("decoder.weight", true)]
    public void After_adapters_the_modules_are_tied_as_before(string name, bool isMerged)
    {
        var (embedding, decoder) = (nn.Embedding(6, 4), nn.Linear(4, 6, hasBias: false));
        decoder.weight = embedding.weight!;
        var model = new Tied(embedding, decoder);
        var keys = model.state_dict().Keys.ToArray();
        model.register_parametrization(name, Parametrizations.Lora(2, 4));
        if (isMerged)
            peft.merge_and_unload(model);
        else
            peft.unload(model);

        decoder.weight = embedding.weight!;
        Assert.Equal(keys, model.state_dict().Keys);
        Assert.Equal(keys, model.baked_state_dict().Keys);
        decoder.weight = nn.Parameter(ones(6, 4));
        Assert.Equal([6, 4], model.get_parameter("encoder.weight")!.shape);
        decoder.Dispose();
        embedding.call(tensor(new long[] { 1, 2 })).Dispose();
        Assert.True(embedding.weight!.isfinite().all().item<bool>());
    }

    private sealed class Step : nn.Module<Tensor, Tensor>
    {
        private readonly GRUCell cell;

        public Step(GRUCell cell)
            : base(nameof(Step))
        {
            this.cell = cell;
            RegisterComponents();
        }

        public override Tensor forward(Tensor input) => cell.call(input, zeros_like(input));
    }
}

using Parametrize.CSharp;
using Properties.CSharp.Support;
using TorchSharp;
using TorchSharp.Modules;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp.Models;

/// <summary>Modules that keep their tensors in libtorch, some under dotted names, take part like all others.</summary>
public class NativeModulesInModels
{
    private static readonly string[] Names = ["0.weight", "1.self_attn.in_proj_weight", "1.linear1.weight"];

    private static Sequential Plain() => nn.Sequential(nn.Embedding(5, 4), nn.TransformerEncoderLayer(4, 2, 8, 0));

    private static Sequential Parametrized()
    {
        var model = Plain();
        foreach (var name in Names)
            model.register_parametrization(name, Parametrizations.WeightNorm());
        return model;
    }

    [Fact]
    public void They_are_listed_and_reported_under_the_names_that_find_them()
    {
        var model = Parametrized();
        Assert.Equal(Names.Order(), model.parametrizations().Select(entry => entry.name).Order());
        Assert.All(model.parametrizations(), entry => Assert.Same(entry.tensor, model.parametrization(entry.name)));
        Assert.Equal(
            [20, 48, 32],
            model
                .parametrization_report()
                .OrderBy(row => Array.IndexOf(Names, row.Name))
                .Select(row => row.Dimension!.Value)
        );
        var (inside, others) = (model.parametrized_parameters(), model.other_parameters());
        Assert.Equal(6, inside.Count);
        Assert.Equal(model.parameters().Count(), inside.Count + others.Count);
    }

    [Fact]
    public void The_predicate_does_not_see_what_parametrizing_has_put_in()
    {
        var seen = new List<string>();
        Parametrized()
            .register_parametrizations(
                (name, _) =>
                {
                    seen.Add(name);
                    return false;
                },
                "weight",
                Parametrizations.Skew,
                allowNone: true
            );
        Assert.Equal(["", "0", "1"], seen);
    }

    [Fact]
    public void One_of_many_that_refuses_leaves_them_as_they_were()
    {
        var model = nn.Sequential(nn.Embedding(5, 4), nn.Embedding(5, 4));
        var lstm = nn.LSTM(4, 4);
        var both = new Around(new Around(lstm));
        var before = new[] { Snapshot.Of(model), Snapshot.Of(both) };
        using (no_grad())
            ((Embedding)model[1]).weight![0, 0] = double.NaN;
        before[0] = Snapshot.Of(model);
        Assert.Throws<ParametrizationException>(() =>
            model.register_parametrizations<Embedding>("weight", Parametrizations.Orthogonal())
        );
        Assert.Throws<ArgumentException>(() =>
            both.register_parametrizations(
                (_, module) => module is LSTM or Around,
                "inside.weight_hh_l0",
                Parametrizations.WeightNorm()
            )
        );
        Assert.All(before, snapshot => snapshot.AssertUnchanged());
        lstm.call(randn(2, 3, 4)).Item1.sum().backward();
        ((Embedding)model[0]).call(torch.tensor(new long[] { 1 })).sum().backward();
    }

    [Fact]
    public void They_are_copied_with_the_rest()
    {
        var source = Parametrized();
        var copy = parametrize.copy_parametrizations(source, Plain());
        copy.load_parametrized_state_dict(source.state_dict());
        source.eval();
        copy.eval();
        var input = torch.tensor(new long[] { 1, 2, 3 }).reshape(3, 1);
        using var expected = source.call(input);
        Near.Same(expected, copy.call(input));
        var before = Snapshot.Of(source);
        foreach (var name in Names)
            copy.remove_parametrizations(name);
        before.AssertUnchanged();
        Near.Identical(expected, source.call(input));
    }
}

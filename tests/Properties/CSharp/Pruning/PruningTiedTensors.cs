using Parametrize.CSharp;
using Properties.CSharp.Support;
using TorchSharp.Modules;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp;

/// <summary>A tensor that several modules have is pruned once, and stays theirs.</summary>
public class PruningTiedTensors
{
    public static TheoryData<string> Verbs => PruningVerbsKeepTheirPromises.Verbs;

    [Theory]
    [MemberData(nameof(Verbs))]
    public void Tied_parameters_stay_tied(string verb)
    {
        var model = nn.Sequential(("encoder", nn.Linear(8, 8)), ("decoder", nn.Linear(8, 8)));
        var (encoder, decoder) = ((Linear)model[0], (Linear)model[1]);
        decoder.weight = encoder.weight;
        PruningVerbsKeepTheirPromises.Prune(verb, model, "encoder.weight");
        Assert.Same(model.parametrization("encoder.weight"), model.parametrization("decoder.weight"));
        PruningVerbsKeepTheirPromises.Prune(verb, model, "decoder.weight");
        Assert.Same(model.parametrization("encoder.weight"), model.parametrization("decoder.weight"));
        Near.Identical(encoder.Value(), decoder.Value());
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_tied_tensor_counts_once_among_several(bool byModel)
    {
        var model = nn.Sequential(
            ("encoder", nn.Linear(4, 4)),
            ("decoder", nn.Linear(4, 4)),
            ("other", nn.Linear(4, 2))
        );
        ((Linear)model[1]).weight = ((Linear)model[0]).weight;
        (nn.Module, string)[] weights = byModel
            ? [(model, "encoder.weight"), (model, "decoder.weight"), (model, "other.weight")]
            : [.. model.children().Select(layer => (layer, "weight"))];
        foreach (var left in new[] { 12, 6 })
        {
            prune.global_unstructured(weights, 0.5);
            Assert.Same(model.parametrization("encoder.weight"), model.parametrization("decoder.weight"));
            Assert.Equal(
                left,
                model
                    .modules()
                    .OfType<ParametrizedTensor>()
                    .Distinct()
                    .Sum(tensor => tensor.Value.ne(0).sum().item<long>())
            );
        }
    }

    [Fact]
    public void Scores_of_a_tied_tensor_may_be_given_under_either_name()
    {
        foreach (var name in new[] { "encoder.weight", "decoder.weight" })
        {
            var model = nn.Sequential(("encoder", nn.Linear(2, 2)), ("decoder", nn.Linear(2, 2)));
            // By its own numbers the tensor would keep other entries.
            using (no_grad())
                ((Linear)model[0]).weight.copy_(tensor(new float[] { 1, 4, 2, 3 }).reshape(2, 2));
            ((Linear)model[1]).weight = ((Linear)model[0]).weight;
            prune.global_unstructured(
                [(model, "encoder.weight"), (model, "decoder.weight")],
                2,
                new Dictionary<(nn.Module, string), Tensor>
                {
                    [(model, name)] = tensor(new[] { 4, 1, 3, 2 }).reshape(2, 2),
                }
            );
            Assert.Equal([1, 0, 1, 0], model.parametrization("encoder.weight").Value.ne(0).Entries());
        }
    }

    [Fact]
    public void Together_they_see_what_was_assigned_last()
    {
        var layer = nn.Linear(2, 2);
        using (no_grad())
            layer.weight.copy_(tensor(new float[] { 1, 4, 2, 3 }).reshape(2, 2));
        layer.custom_from_mask("weight", tensor(new float[] { 1, 1, 1, 0 }).reshape(2, 2));
        layer.weight = nn.Parameter(tensor(new float[] { 4, 1, 2, 0 }).reshape(2, 2));
        prune.global_unstructured([(layer, "weight")], 1);
        Assert.Equal([4, 0, 2, 0], layer.Value().Entries());
    }
}

using Parametrize;
using Parametrize.CSharp;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp;

/// <summary>An error names what could have been meant, and what to do.</summary>
public class MessagesShowTheWay
{
    private static string Of(Action action) => Assert.ThrowsAny<Exception>(action).Message;

    [Fact]
    public void Tensors_in_native_memory_are_named_where_a_child_is_not_found()
    {
        using var layer = nn.TransformerEncoderLayer(8, 2, 16);
        Assert.Contains("self_attn.out_proj.weight", Of(() => layer.orthogonal("self_attn.in_proj.weight")));
    }

    [Fact]
    public void Parametrized_tensors_are_named_as_registering_names_them()
    {
        using var model = nn.Sequential(("fc", nn.Linear(4, 4)), ("out", nn.Linear(4, 4)));
        model.orthogonal("fc.weight");
        var message = Of(() => model.orthogonal("weight"));
        Assert.Contains("fc.weight", message);
        Assert.DoesNotContain("parametrizations", message);
    }

    [Fact]
    public void What_does_not_fit_behind_another_says_how_to_replace_that()
    {
        using var layer = nn.Linear(4, 4).orthogonal();
        Assert.Contains("remove it first", Of(() => layer.spectral_norm()));
    }

    [Fact]
    public void A_tensor_that_was_removed_says_so()
    {
        using var layer = nn.Linear(4, 4).orthogonal();
        var tensor = layer.parametrization("weight");
        layer.remove_parametrizations("weight");
        Assert.Contains("removed", Of(() => _ = tensor.Value));
    }

    [Fact]
    public void Masks_are_cut_short_but_in_the_value_itself()
    {
        using var layer = nn.Linear(500, 400);
        prune.global_unstructured([(layer, "weight")], 0.5);
        var tensor = layer.parametrization("weight");
        Assert.InRange(tensor.ToString().Length, 1, 200);
        Assert.InRange($"{layer.parametrization_report()}".Length, 1, 2000);
        Assert.InRange(Of(() => tensor.Value = ones(3, 3)).Length, 1, 400);
        Assert.Equal(tensor.Parametrization, Parametrizations.Parse(tensor.Parametrization.ToString()));
    }
}

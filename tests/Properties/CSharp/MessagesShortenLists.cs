using Parametrize;
using Parametrize.CSharp;
using Properties.CSharp.Adapters;
using TorchSharp.Modules;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp;

/// <summary>A message lists some of many names, and says that there are more, and how many, only if there are.</summary>
public class MessagesShortenLists
{
    [Theory]
    [InlineData(11, false)]
    [InlineData(12, false)]
    [InlineData(13, true)]
    public void Of_the_tensors_inside_a_module(int count, bool areMore)
    {
        var model = nn.Sequential([.. Enumerable.Range(0, count).Select(index => ($"l{index}", Plain()))]);
        var message = Assert
            .Throws<ArgumentException>(() => model.register_parametrization("none", Parametrizations.Skew))
            .Message;
        Assert.Equal(areMore, message.Contains("l11.weight, ...."));
        Assert.Equal(count >= 12, message.Contains("l11.weight"));
        Assert.DoesNotContain("l12.weight", message);
    }

    private static nn.Module<Tensor, Tensor> Plain() => nn.Linear(2, 2, hasBias: false);

    /// <summary>Each layer has two tensors.</summary>
    [Theory]
    [InlineData(2, "")]
    [InlineData(3, " and 2 more")]
    [InlineData(4, " and 4 more")]
    public void Of_what_a_file_of_adapters_has_for_other_models(int others, string more)
    {
        using var folder = new Folder();
        string[] names = [.. Enumerable.Range(0, others).Select(index => $"l{index}"), "shared"];
        var source = nn.Sequential([.. names.Select(name => (name, Plain()))]);
        peft.save_pretrained(source.get_peft_model(new() { TargetModules = names, Rank = 1 }), folder.Path);
        var refusal = Assert.Throws<InvalidDataException>(() =>
            peft.load_adapter(nn.Sequential(("shared", Plain())), folder.Path)
        );
        Assert.Contains($"lora_B.weight{more}, for which", refusal.Message);
    }
}

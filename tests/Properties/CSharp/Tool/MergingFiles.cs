using System.Text.Json.Nodes;
using Parametrize.CSharp;
using Properties.CSharp.Adapters;
using Properties.CSharp.Support;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp.Tool;

/// <summary>`merge` does from files what the library does with models.</summary>
public class MergingFiles
{
    /// <summary>A file of a model, and the folder of an adapter of it with random numbers and a new head.</summary>
    private static (SmallNet Base, LoraConfig Config) Write(Shell shell, bool dora, ScalarType dtype, bool head = true)
    {
        var model = new SmallNet();
        model.to(dtype);
        shell.Save("base.safetensors", model, new() { ["format"] = "pt" });
        var adapted = new SmallNet();
        adapted.to(dtype);
        adapted.load_state_dict(model.state_dict());
        adapted.get_peft_model(
            new LoraConfig
            {
                Rank = 2,
                Alpha = 6,
                UseDora = dora,
                TargetModules = ["words", "mix", "query"],
                ModulesToSave = head ? ["head"] : [],
            }
        );
        using (no_grad())
            foreach (var parameter in adapted.parameters().Where(own => own.requires_grad))
                parameter.copy_(rand_like(parameter) + 0.5);
        peft.save_pretrained(adapted, shell["adapter"], new LoraConfig { ModulesToSave = head ? ["head"] : [] });
        return (model, LoraConfig.from_pretrained(shell["adapter"]));
    }

    [Theory]
    [InlineData(false, ScalarType.Float32)]
    [InlineData(true, ScalarType.Float32)]
    [InlineData(false, ScalarType.BFloat16)]
    public void Weights_are_those_of_the_merged_model(bool dora, ScalarType dtype)
    {
        using var shell = new Shell();
        var (model, _) = Write(shell, dora, dtype);
        var (code, output, error) = shell.Run("merge", "./base.safetensors", "./adapter", "-o", "./merged.safetensors");
        Assert.Equal((0, ""), (code, error));

        peft.load_adapter(model, shell["adapter"]);
        var expected = peft.merge_and_unload(model);
        var merged = shell.Load("merged.safetensors");
        Assert.Equal(model.state_dict().Keys.Order(), merged.Keys.Order());
        Assert.All(model.state_dict(), entry => Near.Identical(entry.Value, merged[entry.Key]));
        foreach (var weight in expected)
            Assert.Matches($@"{weight.Name} +{(dora ? ".*" : "lora 2L 6.0")} +[\d.e-]+ +[\d.e-]+", output);
        Assert.Contains("head.weight: replaced by that of the adapter", output);
        Assert.Contains("3 adapters merged", output);
        Assert.Equal("pt", shell.Metadata("merged.safetensors")["format"]);
    }

    [Fact]
    public void Weights_as_inputs_by_outputs()
    {
        using var shell = new Shell();
        var layer = nn.Sequential(("c", nn.Linear(3, 5)));
        shell.Save(
            "base.safetensors",
            new Dictionary<string, Tensor> { ["c.weight"] = layer.state_dict()["c.weight"].t().contiguous() }
        );
        layer.get_peft_model(new LoraConfig { Rank = 2, TargetModules = ["c"] });
        using (no_grad())
            foreach (var parameter in layer.parameters().Where(own => own.requires_grad))
                parameter.copy_(rand_like(parameter));
        peft.save_pretrained(layer, shell["adapter"], new LoraConfig { FanInFanOut = true });
        Assert.Equal(0, shell.Run("merge", "./base.safetensors", "./adapter", "-o", "./merged.safetensors").Code);
        peft.merge_and_unload(layer);
        Near.Same(layer.state_dict()["c.weight"], shell.Load("merged.safetensors")["c.weight"].t(), 1e-6);
    }

    private static void Refused(string says, Action<Shell> harm)
    {
        using var shell = new Shell();
        Write(shell, dora: false, ScalarType.Float32);
        harm(shell);
        var (code, _, error) = shell.Run("merge", "./base.safetensors", "./adapter", "-o", "./merged.safetensors");
        Assert.Equal(2, code);
        Assert.Contains(says, error);
        Assert.False(File.Exists(shell["merged.safetensors"]));
    }

    [Fact]
    public void Weights_that_the_file_does_not_have() =>
        Refused(
            "The adapter changes mix.weight, which",
            shell =>
            {
                var state = shell.Load("base.safetensors");
                state.Remove("mix.weight");
                shell.Save("base.safetensors", state);
            }
        );

    [Fact]
    public void Weights_that_are_parametrized() =>
        Refused(
            "bake that first",
            shell =>
            {
                var model = new SmallNet();
                model.register_parametrization("block.query.weight", Parametrizations.WeightNorm());
                shell.Save("base.safetensors", model);
            }
        );

    [Fact]
    public void Weights_of_another_shape() =>
        Refused(
            "has the shape",
            shell =>
            {
                var state = shell.Load("base.safetensors");
                state["block.query.weight"] = zeros(5, 7);
                shell.Save("base.safetensors", state);
            }
        );

    [Fact]
    public void A_file_without_a_configuration() =>
        Refused(
            "there is no adapter_config.json",
            shell => File.Delete(Path.Combine(shell["adapter"], "adapter_config.json"))
        );

    [Fact]
    public void Adapters_of_other_kinds() =>
        Refused(
            "peft_type = LOHA",
            shell =>
                File.WriteAllText(Path.Combine(shell["adapter"], "adapter_config.json"), """{ "peft_type": "LOHA" }""")
        );

    [Fact]
    public void Tensors_that_have_no_place() =>
        Refused(
            "for which BaseModel has no place",
            shell =>
            {
                var config = Path.Combine(shell["adapter"], "adapter_config.json");
                var json = JsonNode.Parse(File.ReadAllText(config))!;
                json["modules_to_save"] = null;
                File.WriteAllText(config, json.ToJsonString());
            }
        );
}

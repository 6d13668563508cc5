using System.Text.Json.Nodes;
using Parametrize;
using Parametrize.CSharp;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp.Adapters;

/// <summary>A configuration is what its file says, PEFT's defaults, and nothing of an adapter that is gone.</summary>
public class ConfigurationsSayNoMore
{
    /// <summary>Those of PEFT's LoraConfig.</summary>
    [Fact]
    public void What_a_file_leaves_out_is_as_PEFT_has_it()
    {
        using var folder = new Folder();
        File.WriteAllText(folder.Config, """{ "peft_type": "LORA" }""");
        AssertDefault(LoraConfig.from_pretrained(folder.Path));
        AssertDefault(new());
    }

    [Fact]
    public void What_a_list_becomes_later_is_not_in_it()
    {
        var (names, ranks) = (new List<string> { "query" }, new Dictionary<string, long> { ["key"] = 2 });
        var config = new LoraConfig
        {
            TargetModules = names,
            ModulesToSave = names,
            RankPattern = ranks,
        };
        names.Clear();
        ranks.Clear();
        Assert.Equal(["query"], config.TargetModules);
        Assert.Equal(["query"], config.ModulesToSave);
        Assert.Equal(2, config.RankPattern["key"]);
        Assert.Throws<ArgumentNullException>(
            nameof(LoraConfig.ModulesToSave),
            () => new LoraConfig { ModulesToSave = null! }
        );
    }

    [Fact]
    public void Two_of_the_same_settings_are_equal()
    {
        LoraConfig Config(long rank, params string[] targets) =>
            new()
            {
                TargetModules = targets,
                RankPattern = new Dictionary<string, long> { ["key"] = rank },
            };

        Assert.Equal(Config(2, "query", "key"), Config(2, "query", "key"));
        Assert.Equal(Config(2, "query").GetHashCode(), Config(2, "query").GetHashCode());
        Assert.Equal(Config(2, "query", "key"), Config(2, "key", "query"));
        Assert.NotEqual(Config(2, "query", "key"), Config(2, "query"));
        Assert.NotEqual(Config(2, "query"), Config(3, "query"));
        Assert.NotEqual(Config(2), Config(2) with { Alpha = double.NaN });
        Assert.Contains("\"rank_pattern\": {\n    \"key\": 2\n  }", Config(2).ToString().ReplaceLineEndings("\n"));
        Assert.Contains("\"lora_alpha\": \"NaN\"", (Config(2) with { Alpha = double.NaN }).ToString());
    }

    private static void AssertDefault(LoraConfig config)
    {
        Assert.Equal((8, 8.0), (config.Rank, config.Alpha));
        Assert.Equal((false, false, false), (config.UseRankStabilized, config.UseDora, config.FanInFanOut));
        Assert.Empty(config.TargetModules);
        Assert.Empty(config.ModulesToSave);
        Assert.Empty(config.RankPattern);
        Assert.Empty(config.AlphaPattern);
        Assert.Null(config.BaseModelNameOrPath);
        Assert.Null(config.TaskType);
    }

    /// <summary>The second adapter was registered by hand.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void What_was_taken_off_is_not_in_the_next_file(bool isMerged)
    {
        using var folder = new Folder();
        var model = nn.Sequential(("a", nn.Linear(4, 4)), ("b", nn.Linear(4, 4)));
        model.get_peft_model(
            new()
            {
                TargetModules = ["a"],
                ModulesToSave = ["b"],
                TaskType = "CAUSAL_LM",
                BaseModelNameOrPath = "somewhere",
            }
        );
        if (isMerged)
            peft.merge_and_unload(model);
        else
            peft.unload(model);
        model.register_parametrization("a.weight", Parametrizations.Lora(2, 4));
        peft.save_pretrained(model, folder.Path);
        var config = JsonNode.Parse(File.ReadAllText(folder.Config))!;
        foreach (var name in (string[])["modules_to_save", "task_type", "base_model_name_or_path"])
            Assert.Null(config[name]);
        Assert.DoesNotContain(Safetensors.Load(folder.Tensors).Keys, key => key.Contains(".b."));
    }
}

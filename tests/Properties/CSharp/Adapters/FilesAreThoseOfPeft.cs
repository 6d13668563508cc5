using System.Text.Json.Nodes;
using Parametrize.CSharp;
using Properties.CSharp.Support;
using TorchSharp;
using TorchSharp.Modules;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp.Adapters;

/// <summary>Folders as Hugging Face's PEFT lays them out: keys, shapes, configuration.</summary>
public class FilesAreThoseOfPeft
{
    private const string Prefix = "base_model.model.";

    private static readonly Dictionary<string, long[]> Layout = new()
    {
        ["words.lora_embedding_A"] = [2, 7],
        ["words.lora_embedding_B"] = [4, 2],
        ["mix.lora_A.weight"] = [2, 4, 3],
        ["mix.lora_B.weight"] = [6, 2, 1],
        ["block.query.lora_A.weight"] = [2, 6],
        ["block.query.lora_B.weight"] = [5, 2],
    };

    private static readonly Dictionary<string, long[]> Magnitudes = new()
    {
        ["words.lora_magnitude_vector"] = [4],
        ["mix.lora_magnitude_vector"] = [1, 6, 1],
        ["block.query.lora_magnitude_vector"] = [5],
    };

    private static Dictionary<string, Tensor> Random(bool dora) =>
        (dora ? Layout.Concat(Magnitudes) : Layout).ToDictionary(
            entry => Prefix + entry.Key,
            entry => rand(entry.Value) + 0.5
        );

    private static void Write(Folder folder, Dictionary<string, Tensor> tensors, string config)
    {
        File.WriteAllText(folder.Config, config);
        Safetensors.Save(folder.Tensors, tensors);
    }

    private static string Config(bool dora = false, bool stabilized = false, string more = "") =>
        $$"""
            { "peft_type": "LORA", "r": 2, "lora_alpha": 6, "target_modules": ["query", "mix", "words"], "lora_dropout": 0.1,
              "use_dora": {{(dora ? "true" : "false")}}, "use_rslora": {{(
                stabilized ? "true" : "false"
            )}}, "bias": "none",
              "fan_in_fan_out": false, "init_lora_weights": true, "modules_to_save": null, "layer_replication": null,
              "megatron_config": null, "loftq_config": {}{{more}} }
            """;

    /// <summary>As PEFT's documents have it: W + s B A of each kind, and m times its directions.</summary>
    private static Tensor Expected(
        string module,
        Tensor weight,
        Dictionary<string, Tensor> file,
        double scaling,
        bool dora
    )
    {
        Tensor Of(string key) => file[$"{Prefix}{module}.{key}"];
        if (module == "words")
        {
            var changed = weight + (Of("lora_embedding_B").mm(Of("lora_embedding_A")) * scaling).mT;
            return dora
                ? changed * Of("lora_magnitude_vector") / changed.square().sum(0, keepdim: true).sqrt()
                : changed;
        }
        var (a, b) = (Of("lora_A.weight"), Of("lora_B.weight"));
        var change = b.reshape(b.shape[0], -1).mm(a.reshape(a.shape[0], -1)).reshape(weight.shape) * scaling;
        var sum = weight + change;
        if (!dora)
            return sum;
        long[] rows = [-1, .. Enumerable.Repeat(1L, (int)weight.dim() - 1)];
        var norms = sum.reshape(sum.shape[0], -1).square().sum(1).sqrt();
        return sum * (Of("lora_magnitude_vector").flatten() / norms).reshape(rows);
    }

    [Theory]
    [InlineData(false, false, 3.0)]
    [InlineData(false, true, 4.242640687)]
    [InlineData(true, false, 3.0)]
    public void What_PEFT_has_written_is_read(bool dora, bool stabilized, double scaling)
    {
        using var folder = new Folder();
        var file = Random(dora);
        Write(folder, file, Config(dora, stabilized));
        var model = new SmallNet();
        var before = model.state_dict().ToDictionary(entry => entry.Key, entry => entry.Value.clone());
        var config = peft.load_adapter(model, folder.Path);
        Assert.Equal((2, 6.0, dora, stabilized), (config.Rank, config.Alpha, config.UseDora, config.UseRankStabilized));
        foreach (var name in new[] { "words", "mix", "block.query" })
            Near.Same(
                Expected(name, before[$"{name}.weight"], file, scaling, dora),
                model.parametrization($"{name}.weight").Value,
                1e-5
            );
        Assert.All(model.parameters(), parameter => Assert.False(parameter.requires_grad));

        // Numbers for the adapters that are there, to be trained further.
        var next = Random(dora);
        Write(folder, next, Config(dora, stabilized));
        peft.load_adapter(model, folder.Path, is_trainable: true);
        Near.Same(
            Expected("mix", before["mix.weight"], next, scaling, dora),
            model.parametrization("mix.weight").Value,
            1e-5
        );
        Assert.All(model.parametrized_parameters(), parameter => Assert.True(parameter.requires_grad));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void What_is_written_has_PEFTs_keys_shapes_and_configuration(bool dora)
    {
        using var folder = new Folder();
        var model = new SmallNet().get_peft_model(
            new LoraConfig
            {
                Rank = 2,
                Alpha = 6,
                UseDora = dora,
                TargetModules = ["words", "mix", "query"],
            }
        );
        using (no_grad())
            foreach (var original in model.parametrized_parameters())
                original.copy_(rand_like(original) + 0.5);
        var inside = Path.Combine(folder.Path, "new", "folder");
        peft.save_pretrained(
            model,
            inside,
            new LoraConfig
            {
                BaseModelNameOrPath = "small/net",
                TaskType = "SEQ_CLS",
                ModulesToSave = ["head"],
            }
        );

        var file = Safetensors.Load(Path.Combine(inside, "adapter_model.safetensors"), out var metadata);
        var expected = (dora ? Layout.Concat(Magnitudes) : Layout).ToDictionary(
            entry => Prefix + entry.Key,
            entry => entry.Value
        );
        (expected[$"{Prefix}head.weight"], expected[$"{Prefix}head.bias"]) = ([2, 6], [2]);
        Assert.Equal(expected.Keys.Order(), file.Keys.Order());
        Assert.All(expected, entry => Assert.Equal(entry.Value, file[entry.Key].shape));
        Assert.Equal("pt", metadata["format"]);

        var config = JsonNode.Parse(File.ReadAllText(Path.Combine(inside, "adapter_config.json")))!;
        Assert.Equal("LORA", (string?)config["peft_type"]);
        Assert.Equal(
            """[2,6,false,"small/net","SEQ_CLS",["head"]]""",
            new JsonArray([
                .. new[]
                {
                    "r",
                    "lora_alpha",
                    "use_rslora",
                    "base_model_name_or_path",
                    "task_type",
                    "modules_to_save",
                }.Select(key => config[key]!.DeepClone()),
            ]).ToJsonString()
        );
        Assert.Equal(dora, (bool)config["use_dora"]!);
        Assert.Equal("""["words","mix","block.query"]""", config["target_modules"]!.ToJsonString());

        // Into a model with the same weights.
        var other = new SmallNet();
        other.load_state_dict(Plain(model));
        peft.load_adapter(other, inside);
        var expectedOutput = model.call(SmallNet.Tokens());
        Near.Same(expectedOutput, other.call(SmallNet.Tokens()), 1e-5 * expectedOutput.abs().max().item<float>());
    }

    [Fact]
    public void Names_and_patterns_mean_these_modules_and_no_others()
    {
        using var folder = new Folder();
        nn.Module Model() =>
            nn.Sequential(("q", nn.Linear(3, 3)), ("a", nn.Sequential(("q", nn.Linear(3, 3)), ("v", nn.Linear(3, 3)))));
        var model = Model();
        model.register_parametrization("q.weight", Parametrizations.Lora(1, 2));
        model.register_parametrization("a.v.weight", Parametrizations.Lora(2, 2));
        peft.save_pretrained(model, folder.Path);
        var config = JsonNode.Parse(File.ReadAllText(folder.Config))!;
        // A list would mean a.q too.
        Assert.Equal(@"q|a\.v", (string?)config["target_modules"]);
        var read = peft.load_adapter(Model(), folder.Path);
        Assert.Single(read.RankPattern);

        model.register_parametrization("a.q.weight", Parametrizations.Lora(2, 5));
        peft.save_pretrained(model, folder.Path);
        config = JsonNode.Parse(File.ReadAllText(folder.Config))!;
        Assert.Equal("""["q","a.q","a.v"]""", config["target_modules"]!.ToJsonString());
        Assert.Equal((2, 2), ((int)config["r"]!, (int)config["lora_alpha"]!));
        Assert.Equal("""{"^q":1}""", config["rank_pattern"]!.ToJsonString());
        Assert.Equal("""{"^a\\.q":5}""", config["alpha_pattern"]!.ToJsonString());
        var other = Model();
        peft.load_adapter(other, folder.Path);
        foreach (var name in new[] { "q.weight", "a.q.weight", "a.v.weight" })
            Assert.Equal(model.parametrization(name).Parametrization, other.parametrization(name).Parametrization);
    }

    /// <summary>The file has numbers of its own for each of two modules that share a weight in the model.</summary>
    [Fact]
    public void A_module_saved_whole_cannot_share_an_adapted_weight()
    {
        using var folder = new Folder();
        var config = new LoraConfig
        {
            Rank = 2,
            TargetModules = ["a"],
            ModulesToSave = ["b"],
        };
        var model = nn.Sequential(("a", nn.Linear(3, 3)), ("b", nn.Linear(3, 3, hasBias: false)));
        model.get_peft_model(config);
        peft.save_pretrained(model, folder.Path, config);

        var (first, second) = (nn.Linear(3, 3), nn.Linear(3, 3, hasBias: false));
        second.weight = first.weight;
        var tied = nn.Sequential(("a", first), ("b", second));
        var before = tied.state_dict().ToDictionary(entry => entry.Key, entry => entry.Value.clone());
        var refusal = Assert.Throws<NotSupportedException>(() => peft.load_adapter(tied, folder.Path));
        Assert.Contains("'a' and 'b' share one weight, a.weight", refusal.Message, StringComparison.Ordinal);
        Assert.Empty(tied.parametrizations());
        foreach (var (key, value) in tied.state_dict())
            Near.Same(before[key], value);
    }

    public static TheoryData<string, string> Refused =>
        new()
        {
            { """{ "peft_type": "LOHA", "r": 2 }""", "peft_type = LOHA" },
            { """{ "r": 2 }""", "peft_type = null" },
            { """[ 1 ]""", "has to be a JSON object" },
            { """{ "peft_type": """, "is not PEFT's configuration" },
            { """{ "peft_type": "LORA", "r": "two" }""", "is not PEFT's configuration" },
            { Config(more: ", \"use_qalora\": true"), "use_qalora = true" },
            { Config(more: ", \"lora_bias\": true"), "lora_bias = true" },
            { Config(more: ", \"arrow_config\": { \"top_k\": 3 }"), "has arrow_config = {\"top_k\":3}" },
            { Config(more: ", \"r\": 3"), "is not PEFT's configuration" },
            { Config().Replace("\"layer_replication\": null", "\"layer_replication\": [[0, 2]]"), "layer_replication" },
            { Config().Replace("\"init_lora_weights\": true", "\"init_lora_weights\": \"pissa_niter_4\""), "pissa" },
            { Config().Replace("\"init_lora_weights\": true", "\"init_lora_weights\": \"PiSSA\""), "PiSSA" },
            { Config().Replace("\"init_lora_weights\": true", "\"init_lora_weights\": \"OLoRA\""), "OLoRA" },
            { Config().Replace("\"r\": 2", "\"r\": 3"), "lora_embedding_A of 'words' has the shape [2, 7]" },
            { Config(dora: true), "has no lora_magnitude_vector for 'words'" },
            { Config(more: ", \"alpha_pattern\": { \"mix\": null }"), "mix has no number" },
            { Config().Replace("\"lora_alpha\": 6", "\"lora_alpha\": null"), "lora_alpha has no number" },
            { Config().Replace("\"r\": 2", "\"r\": null"), "r has no number" },
            { Config(more: ", \"rank_pattern\": { \"(mix\": 2 }"), "Invalid pattern" },
            { Config(more: ", \"rank_pattern\": { \"(([a-z]|[a-z.]+)+)+!\": 2 }"), "takes more than a second" },
            { Config().Replace("\"lora_alpha\": 6", "\"lora_alpha\": 0"), "Alpha must be finite and not zero" },
            {
                Config().Replace("\"modules_to_save\": null", "\"modules_to_save\": [\"head\", \"score\"]"),
                "has no head.weight"
            },
        };

    [Theory]
    [MemberData(nameof(Refused))]
    public void Other_configurations_are_refused_before_anything_changes(string config, string words)
    {
        using var folder = new Folder();
        Write(folder, Random(dora: false), config);
        var model = new SmallNet();
        Assert.Contains(
            words,
            Assert.Throws<InvalidDataException>(() => peft.load_adapter(model, folder.Path)).Message
        );
        Assert.Empty(model.parametrizations());
        Assert.All(model.parameters(), parameter => Assert.True(parameter.requires_grad));
    }

    /// <summary>Newer versions of PEFT hold magnitudes in a module of their own.</summary>
    [Fact]
    public void Magnitudes_under_their_later_names_are_read()
    {
        using var folder = new Folder();
        var file = Random(dora: true);
        Write(folder, file, Config(dora: true));
        var (model, other) = (new SmallNet(), new SmallNet());
        other.load_state_dict(model.state_dict());
        peft.load_adapter(model, folder.Path);
        Write(
            folder,
            file.ToDictionary(
                entry =>
                    entry.Key.EndsWith("lora_magnitude_vector", StringComparison.Ordinal)
                        ? $"{entry.Key}.weight"
                        : entry.Key,
                entry => entry.Value
            ),
            Config(dora: true)
        );
        peft.load_adapter(other, folder.Path);
        Near.Same(model.parametrization("mix.weight").Value, other.parametrization("mix.weight").Value);
    }

    public static TheoryData<string> NotSupported =>
        [
            "alora_invocation_tokens",
            "arrow_config",
            "kasa_config",
            "layer_replication",
            "lora_bias",
            "megatron_config",
            "monteclora_config",
            "target_parameters",
            "trainable_token_indices",
            "use_bdlora",
            "use_qalora",
        ];

    [Theory]
    [MemberData(nameof(NotSupported))]
    public void Settings_that_would_change_weights_are_refused(string setting)
    {
        using var folder = new Folder();
        var config = JsonNode.Parse(Config())!;
        config[setting] = new JsonArray("one");
        Write(folder, Random(dora: false), config.ToJsonString());
        var refusal = Assert.Throws<InvalidDataException>(() => peft.load_adapter(new SmallNet(), folder.Path));
        Assert.Contains($"has {setting} = ", refusal.Message);
    }

    /// <summary>Counts of batches are whole numbers.</summary>
    [Fact]
    public void Buffers_of_modules_that_are_saved_whole_come_back()
    {
        static Sequential New() => nn.Sequential(("a", nn.Linear(4, 4)), ("norm", nn.BatchNorm1d(4)));
        using var folder = new Folder();
        var config = new LoraConfig { TargetModules = ["a"], ModulesToSave = ["norm"] };
        var (model, other) = (New().get_peft_model(config), New());
        model.call(rand(5, 4));
        peft.save_pretrained(model, folder.Path, config);
        peft.load_adapter(other, folder.Path);
        foreach (
            var (name, tensor) in model
                .state_dict()
                .Where(entry => entry.Key.StartsWith("norm.", StringComparison.Ordinal))
        )
            Near.Identical(tensor, other.state_dict()[name]);
    }

    public static TheoryData<string, Tensor, string> Unfit =>
        new()
        {
            {
                Prefix + "block.other.lora_A.weight",
                zeros(2, 5),
                "block.other.lora_A.weight, for which SmallNet has no place"
            },
            { Prefix + "block.value.lora_A.weight", zeros(2, 5), "has no lora_B.weight for 'block.value'" },
            { Prefix + "head.weight", zeros(2, 5), "head.weight, for which SmallNet has no place." },
            { Prefix + "block.query.bias", zeros(6), "SmallNet has no place: trained biases (bias = \"all\" or" },
            { "words.lora_embedding_B", zeros(4, 2), "has words.lora_embedding_B twice" },
            {
                Prefix + "block.lora_A.weight",
                zeros(2, 6),
                "has an adapter for 'block', which is Block, not Linear, Embedding, Conv1d, Conv2d or Conv3d."
            },
            { Prefix + "mix.lora_A.weight", zeros([2, 4, 3], int64), "finite floating-point numbers" },
            { Prefix + "mix.lora_A.weight", full([2, 4, 3], double.NaN), "finite floating-point numbers" },
        };

    [Theory]
    [MemberData(nameof(Unfit), DisableDiscoveryEnumeration = true)]
    public void Tensors_that_do_not_fit_are_refused(string key, Tensor tensor, string words)
    {
        using var folder = new Folder();
        var file = Random(dora: false);
        file[key] = tensor;
        Write(folder, file, Config());
        var model = new SmallNet();
        Assert.Contains(
            words,
            Assert.Throws<InvalidDataException>(() => peft.load_adapter(model, folder.Path)).Message
        );
        Assert.Empty(model.parametrizations());
    }

    [Theory]
    [InlineData("{}")]
    [InlineData("[]")]
    [InlineData("false")]
    [InlineData("null")]
    public void Settings_that_are_off_or_empty_change_nothing(string off)
    {
        using var folder = new Folder();
        Write(folder, Random(dora: false), Config(more: $", \"arrow_config\": {off}"));
        var model = new SmallNet();
        peft.load_adapter(model, folder.Path);
        Assert.Equal(3, model.parametrizations().Count());
    }

    [Fact]
    public void A_file_without_adapters_is_refused()
    {
        using var folder = new Folder();
        var whole = Config().Replace("\"modules_to_save\": null", "\"modules_to_save\": [\"head\"]");
        Dictionary<string, Tensor> head = new()
        {
            [Prefix + "head.weight"] = zeros(2, 6),
            [Prefix + "head.bias"] = zeros(2),
        };
        foreach (var (config, file) in new[] { (Config(), []), (whole, head) })
        {
            Write(folder, file, config);
            var model = new SmallNet();
            var before = Snapshot.Of(model);
            Assert.Equal(
                $"{folder.Tensors} has no adapter.",
                Assert.Throws<InvalidDataException>(() => peft.load_adapter(model, folder.Path)).Message
            );
            before.AssertUnchanged();
        }
    }

    [Fact]
    public void A_module_that_was_saved_whole_has_the_shapes_of_the_models()
    {
        using var folder = new Folder();
        var file = Random(dora: false);
        (file[Prefix + "head.weight"], file[Prefix + "head.bias"]) = (zeros(2, 5), zeros(2));
        Write(folder, file, Config().Replace("\"modules_to_save\": null", "\"modules_to_save\": [\"head\"]"));
        var model = new SmallNet();
        var before = Snapshot.Of(model);
        Assert.Equal(
            "'base_model.model.head.weight' has the shape [2, 5], but the model's has [2, 6].",
            Assert.Throws<InvalidDataException>(() => peft.load_adapter(model, folder.Path)).Message
        );
        before.AssertUnchanged();
    }

    /// <summary>The files have plain tensors of such modules.</summary>
    [Fact]
    public void A_module_saved_whole_cannot_be_parametrized()
    {
        using var folder = new Folder();
        var config = new LoraConfig
        {
            Rank = 2,
            TargetModules = ["query"],
            ModulesToSave = ["head"],
        };
        var model = new SmallNet().get_peft_model(config);
        peft.save_pretrained(model, folder.Path);
        var (tensors, text) = (File.ReadAllBytes(folder.Tensors), File.ReadAllText(folder.Config));

        model.register_parametrization("head.weight", Parametrizations.WeightNorm());
        Refused(model, () => peft.save_pretrained(model, folder.Path));
        Assert.Equal(tensors, File.ReadAllBytes(folder.Tensors));
        Assert.Equal(text, File.ReadAllText(folder.Config));

        var other = new SmallNet();
        other.register_parametrization("head.weight", Parametrizations.WeightNorm());
        Refused(other, () => peft.load_adapter(other, folder.Path));

        static void Refused(nn.Module model, Action verb)
        {
            var before = Snapshot.Of(model);
            Assert.Contains(
                "'head' is to be saved whole, but head.weight in it is parametrized",
                Assert.Throws<NotSupportedException>(verb).Message
            );
            before.AssertUnchanged();
        }
    }

    [Fact]
    public void Pickles_and_missing_files_are_told_apart()
    {
        using var folder = new Folder();
        Assert.ThrowsAny<IOException>(() => peft.load_adapter(new SmallNet(), folder.Path));
        File.WriteAllText(folder.Config, Config());
        Assert.ThrowsAny<IOException>(() => peft.load_adapter(new SmallNet(), folder.Path));
        File.WriteAllText(Path.Combine(folder.Path, "adapter_model.bin"), "");
        Assert.Contains(
            "pickled",
            Assert.Throws<NotSupportedException>(() => peft.load_adapter(new SmallNet(), folder.Path)).Message
        );
    }

    [Fact]
    public void What_the_files_cannot_hold_is_not_written()
    {
        using var folder = new Folder();
        Refused<InvalidOperationException>("has no adapter", new SmallNet());
        var rotated = new SmallNet();
        rotated.register_parametrization("block.query.weight", Parametrizations.Oft(2));
        Refused<NotSupportedException>("block.query.weight is oft 2L", rotated);
        var mixed = new SmallNet();
        mixed.register_parametrization("block.query.weight", Parametrizations.Lora(2, 2));
        mixed.register_parametrization("block.value.weight", Parametrizations.RsLora(2, 2));
        Refused<NotSupportedException>("several kinds", mixed);
        var along = new SmallNet();
        along.register_parametrization("words.weight", Parametrizations.Dora(2, 2));
        Refused<NotSupportedException>("words.weight is joined", along);

        void Refused<T>(string words, nn.Module model)
            where T : Exception
        {
            Assert.Contains(words, Assert.Throws<T>(() => peft.save_pretrained(model, folder.Path)).Message);
            Assert.Empty(Directory.GetFiles(folder.Path));
        }
    }

    [Fact]
    public void Another_parametrization_is_not_replaced()
    {
        using var folder = new Folder();
        Write(folder, Random(dora: false), Config());
        var model = new SmallNet();
        model.register_parametrization("mix.weight", Parametrizations.WeightNorm());
        var refusal = Assert.Throws<InvalidOperationException>(() => peft.load_adapter(model, folder.Path));
        Assert.Contains("mix.weight is weightNorm 0, not lora 2L 6.0", refusal.Message);
        Assert.False(model.is_parametrized("words.weight"));
    }

    [Theory]
    [InlineData("""["query", "mix"]""", "has an adapter for 'words', which is not among the target_modules")]
    [InlineData("\"mix|block.*\"", "has an adapter for 'words', which is not among the target_modules")]
    [InlineData("""["query", "mix", "words", "value"]""", "has no adapter for 'value'")]
    [InlineData("""["query", "mix", "words"]""", null)]
    [InlineData("\"mix|words|block.*\"", null)]
    [InlineData("\"all-linear\"", "has an adapter for 'words', which is not among the target_modules")]
    [InlineData("""["all-linear", "mix", "words"]""", null)]
    public void Modules_of_the_tensors_are_those_of_the_configuration(string targets, string? refusal)
    {
        using var folder = new Folder();
        Write(folder, Random(dora: false), Config().Replace("""["query", "mix", "words"]""", targets));
        var model = new SmallNet();
        if (refusal is null)
            peft.load_adapter(model, folder.Path);
        else
            Assert.Contains(
                refusal,
                Assert.Throws<InvalidDataException>(() => peft.load_adapter(model, folder.Path)).Message
            );
        Assert.Equal(refusal is null ? 3 : 0, model.parametrizations().Count());
    }

    [Fact]
    public void Merged_models_take_no_other_adapter()
    {
        using var folder = new Folder();
        var config = new LoraConfig { Rank = 2, TargetModules = ["query"] };
        var model = new SmallNet().get_peft_model(config);
        using (no_grad())
            foreach (var parameter in model.parametrized_parameters())
                parameter.normal_();
        peft.save_pretrained(model, folder.Path);
        using var tokens = SmallNet.Tokens();
        using var adapted = model.call(tokens);
        Assert.Throws<InvalidOperationException>(() => peft.unmerge_adapter(model));

        peft.merge_adapter(model);
        foreach (
            var refused in new Action[]
            {
                () => peft.load_adapter(model, folder.Path),
                () => model.get_peft_model(config),
                () => peft.merge_adapter(model),
            }
        )
            Assert.Contains(
                "adapters of SmallNet are merged (block.query.weight)",
                Assert.Throws<InvalidOperationException>(refused).Message
            );
        // Nor do the model around it, and the modules inside.
        var inside = model.named_modules().First(named => named.name == "block").module;
        foreach (var other in new[] { nn.Sequential(("around", model)), inside })
            Assert.Contains(
                "are merged (block.query.weight)",
                Assert.Throws<InvalidOperationException>(() => other.get_peft_model(config)).Message
            );
        peft.unmerge_adapter(model);
        // What was unmerged does not stand for what is merged since.
        var first = peft.merge_adapter(model);
        peft.unmerge_adapter(model);
        peft.merge_adapter(model);
        first.Dispose();
        peft.unmerge_adapter(model);
        peft.load_adapter(model, folder.Path);
        Near.Same(adapted, model.call(tokens), 1e-5);

        peft.merge_and_unload(model);
        model.get_peft_model(config);
        Near.Same(adapted, model.call(tokens), 1e-5);
    }

    /// <summary>An adapter for other modules, read on top of one, would leave both.</summary>
    [Fact]
    public void Another_adapter_is_read_after_the_first_was_unloaded()
    {
        using var tokens = SmallNet.Tokens();
        using var first = new Folder();
        using var second = new Folder();
        var model = new SmallNet();
        var plain = model.state_dict().ToDictionary(entry => entry.Key, entry => entry.Value.clone());
        foreach (var (folder, target) in new[] { (first, "query"), (second, "value") })
        {
            var trained = new SmallNet();
            trained.load_state_dict(plain);
            trained.get_peft_model(new LoraConfig { Rank = 2, TargetModules = [target] });
            using (no_grad())
                foreach (var parameter in trained.parametrized_parameters())
                    parameter.normal_();
            peft.save_pretrained(trained, folder.Path);
        }
        peft.load_adapter(model, first.Path);
        using var adapted = model.call(tokens);
        var refusal = Assert.Throws<InvalidOperationException>(() => peft.load_adapter(model, second.Path));
        Assert.Contains("has an adapter on block.query.weight, for which", refusal.Message);
        Near.Same(adapted, model.call(tokens));

        peft.unload(model);
        Assert.Empty(model.parametrizations());
        Assert.All(model.state_dict(), entry => Near.Identical(plain[entry.Key], entry.Value));
        peft.load_adapter(model, second.Path);
        Assert.Equal(["block.value.weight"], model.parametrizations().Select(entry => entry.name));
        Assert.Throws<InvalidOperationException>(() => peft.unload(nn.Linear(2, 2)));
    }

    [Fact]
    public void In_the_element_type_of_the_model()
    {
        using var folder = new Folder();
        Write(folder, Random(dora: false), Config());
        var model = new SmallNet();
        model.to(ScalarType.BFloat16);
        peft.load_adapter(model, folder.Path);
        Assert.All(model.state_dict().Values, tensor => Assert.Equal(ScalarType.BFloat16, tensor.dtype));
    }

    /// <summary>The state of a model without its adapters.</summary>
    private static Dictionary<string, Tensor> Plain(nn.Module model) =>
        model
            .state_dict()
            .Where(entry => !entry.Key.Contains(".original"))
            .ToDictionary(
                entry =>
                    System.Text.RegularExpressions.Regex.Replace(
                        entry.Key,
                        @"parametrizations\.weight\.\d\.frozen",
                        "weight"
                    ),
                entry => entry.Value
            );
}

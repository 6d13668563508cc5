using Parametrize.CSharp;
using Properties.CSharp.Support;
using TorchSharp;
using TorchSharp.Modules;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp.Adapters;

/// <summary>What trains when a model has adapters, and what stays.</summary>
public class AdaptersAreTrained
{
    private static readonly LoraConfig Some = new()
    {
        Rank = 2,
        Alpha = 4,
        TargetModules = ["words", "mix", "query"],
        ModulesToSave = ["head"],
    };

    [Fact]
    public void What_is_saved_whole_is_trained_though_the_model_was_frozen()
    {
        var model = new SmallNet();
        foreach (var parameter in model.parameters())
            parameter.requires_grad = false;
        model.get_peft_model(Some);
        Assert.All(model.head.parameters(), parameter => Assert.True(parameter.requires_grad));
        Assert.False(model.block.value.weight!.requires_grad);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Layers_start_from_numbers_of_their_own_that_the_seed_decides(bool useDora)
    {
        List<Tensor> Started(long seed)
        {
            var model = nn.Sequential(("a", nn.Linear(4, 4)), ("b", nn.Linear(4, 4)));
            var before = model.state_dict().ToDictionary(entry => entry.Key, entry => entry.Value.detach().clone());
            manual_seed(seed);
            model.get_peft_model(
                new()
                {
                    Rank = 2,
                    TargetModules = ["a", "b"],
                    UseDora = useDora,
                }
            );
            foreach (var name in new[] { "a", "b" })
                Near.Same(before[$"{name}.weight"], model.parametrization($"{name}.weight").Value);
            return [.. new[] { "a", "b" }.Select(name => model.parametrization($"{name}.weight").Originals[^2])];
        }

        var (first, again, other) = (Started(1), Started(1), Started(2));
        Assert.All(first, a => Assert.InRange(a.abs().max().item<float>(), 0.1f, 0.5f));
        Near.Identical(first[0], again[0]);
        Near.Identical(first[1], again[1]);
        Near.Different(first[0], first[1]);
        Near.Different(first[0], other[0]);
    }

    [Fact]
    public void A_second_adapter_is_refused_by_its_name()
    {
        var model = nn.Sequential(("a", nn.Linear(4, 4)));
        var config = new LoraConfig { Rank = 2, TargetModules = ["a"] };
        model.get_peft_model(config);
        var refusal = Assert.Throws<ArgumentException>(() => model.get_peft_model(config));
        Assert.StartsWith("a.weight has an adapter already (lora 2L 8.0).", refusal.Message);
    }

    /// <summary>The head would be lost in silence.</summary>
    [Fact]
    public void What_was_to_be_saved_whole_is_saved_without_being_named_again()
    {
        using var folder = new Tool.Shell();
        nn.Module<Tensor, Tensor> New() => nn.Sequential(("a", nn.Linear(4, 4)), ("head", nn.Linear(4, 2)));
        var (model, fresh, again) = (New(), New(), New());
        var state = model.state_dict().ToDictionary(entry => entry.Key, entry => entry.Value.detach().clone());
        fresh.load_state_dict(state);
        again.load_state_dict(state);
        model.get_peft_model(
            new()
            {
                Rank = 2,
                TargetModules = ["a"],
                ModulesToSave = ["head"],
            }
        );
        using (no_grad())
            foreach (var parameter in model.parameters().Where(own => own.requires_grad))
                parameter.add_(1);
        peft.save_pretrained(model, folder["first"], new() { TaskType = "SEQ_CLS" });
        peft.load_adapter(fresh, folder["first"]);
        Near.Same(model.call(ones(1, 4)), fresh.call(ones(1, 4)));
        peft.save_pretrained(fresh, folder["second"]);
        peft.load_adapter(again, folder["second"]);
        Near.Same(model.call(ones(1, 4)), again.call(ones(1, 4)));

        using var merged = peft.merge_adapter(model);
        Assert.Contains(
            "are merged",
            Assert.Throws<InvalidOperationException>(() => peft.save_pretrained(model, folder["third"])).Message
        );
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void The_file_has_the_settings_of_the_configuration(bool fanInFanOut)
    {
        using var folder = new Tool.Shell();
        var config = new LoraConfig
        {
            Rank = 2,
            Alpha = 6,
            TargetModules = ["0"],
            UseRankStabilized = true,
            FanInFanOut = fanInFanOut,
            BaseModelNameOrPath = "gpt2",
            TaskType = "CAUSAL_LM",
        };
        peft.save_pretrained(nn.Sequential(nn.Linear(4, 4)).get_peft_model(config), folder["adapter"]);
        var read = LoraConfig.from_pretrained(folder["adapter"]);
        Assert.Equal(
            (2, 6, true, fanInFanOut, "gpt2", "CAUSAL_LM"),
            (read.Rank, read.Alpha, read.UseRankStabilized, read.FanInFanOut, read.BaseModelNameOrPath, read.TaskType)
        );
    }

    [Theory]
    [InlineData("orthogonal")]
    [InlineData("weightNorm 0")]
    public void Other_parametrized_weights_are_frozen(string code)
    {
        var model = nn.Sequential(("a", nn.Linear(4, 4)), ("b", nn.Linear(4, 4)));
        model.register_parametrization("a.weight", Parametrizations.Parse(code));
        model.get_peft_model(new() { Rank = 2, TargetModules = ["b"] });
        Assert.All(model.parametrization("a.weight").Originals, original => Assert.False(original.requires_grad));
        Assert.All(
            model.named_parameters().Where(named => named.parameter.requires_grad),
            named => Assert.StartsWith("b.parametrizations.weight.", named.name)
        );
    }

    /// <summary>Whether it is a layer, or a module of layers.</summary>
    [Fact]
    public void A_module_that_is_saved_whole_is_trained_with_all_that_it_has()
    {
        foreach (var (whole, _) in new SmallNet().named_modules())
        {
            var model = new SmallNet();
            var inside = model.named_parameters().Where(named => named.name.StartsWith($"{whole}.")).ToList();
            model.get_peft_model(
                new LoraConfig { TargetModules = [LoraConfig.AllLinear, "words", "mix"], ModulesToSave = [whole] }
            );
            Assert.NotEmpty(model.parametrizations());
            Assert.DoesNotContain(model.parametrizations(), entry => entry.name.StartsWith($"{whole}."));
            Assert.NotEmpty(inside);
            Assert.All(inside, named => Assert.True(named.parameter.requires_grad));
        }
    }

    [Theory]
    [InlineData(false, false)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    public void Nothing_but_adapters_and_what_is_saved_whole(bool stabilized, bool dora)
    {
        Seeded.Everywhere(1); // Of other weights, no unit may be above the zero of relu.
        var (model, tokens) = (new SmallNet(), SmallNet.Tokens());
        var before = model.call(tokens).detach();
        var config = Some with { UseRankStabilized = stabilized, UseDora = dora };
        Assert.Same(model, model.get_peft_model(config));
        Near.Same(before, model.call(tokens), 1e-6);

        var trained = model
            .named_parameters()
            .Where(named => named.parameter.requires_grad)
            .Select(named => named.name);
        string[] originals = dora ? ["original0", "original1", "original2"] : ["original0", "original1"];
        string[] expected =
        [
            .. new[] { "words", "mix", "block.query" }.SelectMany(name =>
                originals.Select(original => $"{name}.parametrizations.weight.{original}")
            ),
            "head.weight",
            "head.bias",
        ];
        Assert.Equal(expected.Order(), trained.Order());

        var frozen = model.block.value.weight!.clone();
        var optimizer = optim.Adam(model.parameters().Where(parameter => parameter.requires_grad), 0.01);
        for (var step = 0; step < 3; step++)
        {
            optimizer.zero_grad();
            model.call(tokens).square().sum().backward();
            optimizer.step();
        }
        Near.Identical(frozen, model.block.value.weight!);
        foreach (var name in new[] { "words.weight", "mix.weight", "block.query.weight" })
        {
            var tensor = model.parametrization(name);
            var carried = tensor.named_buffers().Single().buffer;
            Assert.True((tensor.Value - carried).abs().max().item<float>() > 1e-4, name);
            Assert.All(tensor.Originals, original => Assert.True(original.requires_grad));
        }
    }

    [Fact]
    public void Of_a_frozen_layer_too()
    {
        foreach (
            var value in new[] { Parametrizations.Lora(2, 2), Parametrizations.Dora(2, 2), Parametrizations.Oft(3) }
        )
        {
            var layer = nn.Linear(6, 5);
            foreach (var parameter in layer.parameters())
                parameter.requires_grad = false;
            layer.register_parametrization("weight", value);
            Assert.All(layer.parametrization("weight").Originals, original => Assert.True(original.requires_grad));
            layer.call(randn(3, 6)).sum().backward();
            Assert.Contains(layer.parametrization("weight").Originals, original => original.grad is not null);
        }
    }

    [Theory]
    [InlineData("slices 0 [(4L, lora 2L 4.0); (4L, identity)]", "110")]
    [InlineData("slices 0 [(4L, identity); (4L, dora 2L 4.0)]", "0111")]
    [InlineData("blockDiagonal [symmetric; oft 2L]", "01")]
    [InlineData("sum [lora 2L 4.0; identity]", "110")]
    [InlineData("slices 0 [(4L, identity); (4L, slices 1 [(4L, lora 2L 4.0); (4L, identity)])]", "0110")]
    [InlineData("onKernel (slices 0 [(4L, lora 2L 4.0); (4L, identity)])", "110")]
    [InlineData(
        "where (Mask.Parse \"8x8:/wD/AP8A/wA=\") (lora 2L 4.0) (where (Mask.Parse \"8x8:/wD/AP8A/wA=\") positive positive)",
        "1100"
    )]
    [InlineData(
        "where (Mask.Parse \"8x8:/wD/AP8A/wA=\") (where (Mask.Parse \"8x8:/wD/AP8A/wA=\") positive positive) (dora 2L 4.0)",
        "00111"
    )]
    [InlineData("lora 2L 4.0", "11")]
    [InlineData("identity", "0")]
    public void Pieces_of_a_frozen_weight_without_an_adapter_stay_frozen(string code, string isTrained)
    {
        foreach (var isFrozen in new[] { true, false })
        {
            var layer = nn.Linear(8, 8);
            layer.weight!.requires_grad = !isFrozen;
            layer.register_parametrization("weight", Parametrizations.Parse(code));
            var found = layer
                .parametrization("weight")
                .Originals.Select(original => original.requires_grad ? '1' : '0');
            Assert.Equal(isFrozen ? isTrained : new string('1', isTrained.Length), string.Concat(found));
        }
    }

    [Fact]
    public void Moving_the_base_merges_and_starts_again()
    {
        var layer = nn.Linear(6, 5).register_parametrization("weight", Parametrizations.Lora(2, 4));
        var tensor = layer.parametrization("weight");
        Train(layer);
        var before = tensor.Value.detach();
        tensor.MoveBase();
        Near.Same(before, tensor.Value, 1e-6);
        Near.Identical(before, tensor.named_buffers().Single().buffer);
        Near.Identical(zeros(5, 2), tensor.Originals[1]);
    }

    [Fact]
    public void The_rotation_of_OFT_is_PEFTs_exact_one()
    {
        var weight = randn([4, 6], ScalarType.Float64);
        using var tensor = new ParametrizedTensor(Parametrizations.Oft(3), weight);
        var numbers = randn([2, 3], ScalarType.Float64);
        using (no_grad())
            tensor.Original.copy_(numbers);

        // PEFT rotates what a layer reads: x R (by blocks), with R = (I - Q)(I + Q)^-1.
        var x = randn([5, 6], ScalarType.Float64);
        var rotated = cat(
            [
                .. Enumerable
                    .Range(0, 2)
                    .Select(block =>
                    {
                        var q = zeros([3, 3], ScalarType.Float64);
                        (q[0, 1], q[0, 2], q[1, 2]) = (numbers[block, 0], numbers[block, 1], numbers[block, 2]);
                        q = q - q.mT;
                        var identity = eye(3, dtype: ScalarType.Float64);
                        return x.narrow(1, 3 * block, 3).mm((identity - q).mm((identity + q).inverse()));
                    }),
            ],
            1
        );
        Near.Same(rotated.mm(weight.mT), x.mm(tensor.Value.mT), 1e-12);
    }

    [Fact]
    public void All_linear_means_every_Linear_that_is_not_saved_whole()
    {
        var model = new SmallNet();
        string[] linear =
        [
            .. model.named_modules().Where(named => named.module is Linear).Select(named => $"{named.name}.weight"),
        ];
        model.get_peft_model(new LoraConfig { TargetModules = [LoraConfig.AllLinear], ModulesToSave = ["head"] });
        var adapted = model.parametrizations().Select(entry => entry.name).ToList();
        Assert.NotEmpty(adapted);
        Assert.Equal(linear.Where(name => !name.StartsWith("head", StringComparison.Ordinal)).Order(), adapted.Order());

        var both = new SmallNet();
        both.get_peft_model(new LoraConfig { TargetModules = [LoraConfig.AllLinear, "words"] });
        Assert.Equal(
            linear.Append("words.weight").Order(),
            both.parametrizations().Select(entry => entry.name).Order()
        );

        // Beside a name that is found, too: nothing that is asked for is left out in silence.
        var none = nn.Sequential(("mix", nn.Conv1d(4, 4, 1)));
        string[][] targets =
        [
            [LoraConfig.AllLinear],
            [LoraConfig.AllLinear, "mix"],
        ];
        foreach (var some in targets)
        {
            var refusal = Assert.Throws<ArgumentException>(() =>
                none.get_peft_model(new LoraConfig { TargetModules = some })
            );
            Assert.Contains("has no Linear (all-linear). It has: mix.", refusal.Message);
        }
    }

    [Fact]
    public void All_linear_does_not_pass_over_linear_layers_in_native_memory()
    {
        var model = nn.Sequential(("encoder", nn.TransformerEncoderLayer(4, 2, 4)), ("head", nn.Linear(4, 2)));
        var refusal = Assert.Throws<ArgumentException>(() =>
            model.get_peft_model(new LoraConfig { TargetModules = [LoraConfig.AllLinear] })
        );
        Assert.Contains("all-linear would pass over 'encoder.", refusal.Message);
        Assert.Empty(model.parametrizations());
        model.get_peft_model(new LoraConfig { TargetModules = ["head"] });
    }

    [Fact]
    public void What_cannot_have_an_adapter_is_refused_before_anything_changes()
    {
        var model = nn.Sequential(
            ("a", nn.Linear(4, 4)),
            ("norm", nn.LayerNorm(4)),
            ("grouped", nn.Conv1d(4, 4, 1, groups: 2))
        );
        Refused("TargetModules is empty: name the modules to change. It has: a, norm, grouped.");
        Refused("TargetModules", "b");
        Refused("TargetModules has 'aa', but no module", "a", "aa");
        Refused("'norm' is LayerNorm", "a", "norm");
        Refused("'grouped' is a grouped convolution", "a", "grouped");
        Assert.False(model.is_parametrized("a.weight"));
        Assert.All(model.parameters(), parameter => Assert.True(parameter.requires_grad));

        void Refused(string words, params string[] targets) =>
            Assert.Contains(
                words,
                Assert
                    .Throws<ArgumentException>(() => model.get_peft_model(new LoraConfig { TargetModules = targets }))
                    .Message
            );
    }

    [Fact]
    public void Names_of_modules_to_save_that_mean_none_are_refused()
    {
        var model = new SmallNet();
        var config = Some with { ModulesToSave = ["haed"] };
        var refusal = Assert.Throws<ArgumentException>(() => model.get_peft_model(config));
        Assert.Contains("ModulesToSave has 'haed', but no module of SmallNet is named so", refusal.Message);
        Assert.Contains(
            "so no adapter would be added",
            Assert
                .Throws<ArgumentException>(() =>
                    model.get_peft_model(new LoraConfig { TargetModules = ["head"], ModulesToSave = ["head"] })
                )
                .Message
        );
        Assert.Empty(model.parametrizations());

        model.get_peft_model(Some);
        using var folder = new Folder();
        Assert.Throws<ArgumentException>(() => peft.save_pretrained(model, folder.Path, config));
        Assert.Empty(Directory.GetFiles(folder.Path));
    }

    [Fact]
    public void Patterns_give_other_ranks_and_alphas()
    {
        var model = new SmallNet().get_peft_model(
            new LoraConfig
            {
                Rank = 2,
                Alpha = 4,
                TargetModules = ["query", "value", "mix"],
                RankPattern = new Dictionary<string, long> { ["value"] = 3 },
                AlphaPattern = new Dictionary<string, double> { ["block.query"] = 1 },
            }
        );
        Assert.Equal(Parametrizations.Lora(3, 4), model.parametrization("block.value.weight").Parametrization);
        Assert.Equal(Parametrizations.Lora(2, 1), model.parametrization("block.query.weight").Parametrization);
        Assert.Equal(Parametrizations.Lora(2, 4), model.parametrization("mix.weight").Parametrization);
    }

    [Fact]
    public void The_first_pattern_that_matches_counts()
    {
        var config = new LoraConfig
        {
            TargetModules = ["value", "query"],
            RankPattern = new Dictionary<string, long> { ["value"] = 2, [".*"] = 4 },
            AlphaPattern = new Dictionary<string, double> { ["value"] = 3, [".*"] = 5 },
        };
        var model = new SmallNet().get_peft_model(config);
        Assert.Equal(Parametrizations.Lora(2, 3), model.parametrization("block.value.weight").Parametrization);
        Assert.Equal(Parametrizations.Lora(4, 5), model.parametrization("block.query.weight").Parametrization);
    }

    /// <summary>PEFT draws A as Kaiming does, of all inputs of an output, between -1 / sqrt(count) and that.</summary>
    [Fact]
    public void Factors_of_kernels_are_drawn_by_all_their_inputs()
    {
        var model = nn.Sequential(("up", nn.Conv2d(2, 4, 3)), ("in", nn.Linear(50, 3)));
        model.get_peft_model(new LoraConfig { Rank = 8, TargetModules = ["up", "in"] });
        foreach (var (name, inputs) in new[] { ("up.weight", 18), ("in.weight", 50) })
        {
            var largest = model.parametrization(name).Originals[0].abs().max().item<float>() * Math.Sqrt(inputs);
            Assert.InRange(largest, 0.8, 1);
        }
    }

    [Theory]
    [InlineData("query|value")]
    [InlineData("val|que")]
    [InlineData("query|")]
    [InlineData("mi|words")]
    public void Patterns_match_as_PEFTs_do(string pattern)
    {
        string[] targets = ["words", "mix", "block.query", "block.value"];
        var model = new SmallNet().get_peft_model(
            new LoraConfig
            {
                Rank = 2,
                TargetModules = targets,
                RankPattern = new Dictionary<string, long> { [pattern] = 1 },
            }
        );
        // PEFT: re.match(rf"(.*\.)?({pattern})$", name), where any of the alternatives is all that is left of the name.
        var alternatives = pattern.Split('|');
        foreach (var name in targets)
            Assert.Equal(
                alternatives.Contains(name.Split('.')[^1]) ? 1 : 2,
                model.parametrization($"{name}.weight").Originals[0].shape[0]
            );
    }

    internal static void Train(nn.Module<Tensor, Tensor> layer)
    {
        var optimizer = optim.SGD(layer.parameters().Where(parameter => parameter.requires_grad), 0.1);
        for (var step = 0; step < 3; step++)
        {
            optimizer.zero_grad();
            layer.call(ones(2, 6)).square().sum().backward();
            optimizer.step();
        }
    }
}

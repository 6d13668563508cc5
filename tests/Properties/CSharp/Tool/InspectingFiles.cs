using System.Text.Json.Nodes;
using Parametrize.CSharp;
using Xunit;
using static TorchSharp.torch;
using StateModels = Properties.CSharp.State.Models;

namespace Properties.CSharp.Tool;

/// <summary>`inspect` lists what a file has.</summary>
public class InspectingFiles
{
    [Fact]
    public void Every_tensor_has_a_line_with_its_value_and_membership()
    {
        using var shell = new Shell();
        var file = shell.Save(
            "a.safetensors",
            StateModels.Parametrized(Parametrizations.Cayley()),
            new() { ["note"] = "first" }
        );
        var (code, output, error) = shell.Run("inspect", file);
        Assert.Equal((0, ""), (code, error));
        Assert.Contains("a.safetensors: 2 tensors, 1 parametrized", output);
        Assert.Contains("note: first", output);
        Assert.Matches(@"fc\.bias +\[4\] +Float64", output);
        Assert.Matches(@"fc\.weight +cayley +\[4, 4\] +Float64 +inside", output);
        Assert.DoesNotContain("\u001b", output);
    }

    [Fact]
    public void What_cannot_be_computed_is_listed_with_the_reason()
    {
        using var shell = new Shell();
        var state = StateModels.StateOf(StateModels.Parametrized(Parametrizations.Cayley()));
        var (code, output, _) = shell.Run("inspect", shell.Save("a.safetensors", state));
        Assert.Equal(1, code);
        Assert.Matches(@"fc\.weight +.*cannot be computed", output);
        Assert.Contains("do not show which map computes it. Name it: --parametrization 'fc.weight=CODE'.", output);

        (code, output, _) = shell.Run("inspect", "./a.safetensors", "-p", "fc.*=cayley");
        Assert.Equal(0, code);
        Assert.Matches(@"fc\.weight +cayley +\[4, 4\] +Float64 +inside", output);
    }

    /// <summary>A name in a file could otherwise paint the terminal, or look like another row.</summary>
    [Fact]
    public void Control_characters_of_names_are_shown()
    {
        using var shell = new Shell();
        var file = shell.Save(
            "a.safetensors",
            new Dictionary<string, Tensor> { ["a\u001b[31m\nb"] = ones(2) },
            new() { ["note"] = "\u001b[0m" }
        );
        var (code, output, _) = shell.Run("inspect", file);
        Assert.Equal(0, code);
        Assert.Contains(@"a\u001b[31m\u000ab", output);
        Assert.Contains(@"note: \u001b[0m", output);
        Assert.DoesNotContain("\u001b", output);
    }

    /// <summary>Values can be pasted into a command; the bits of a mask would fill the page.</summary>
    [Fact]
    public void Only_masks_are_cut()
    {
        using var shell = new Shell();
        var mask = Parametrizations.PrunedBy(eye(16).tile([1, 16]).gt(0));
        var wide = nn.Linear(256, 16).register_parametrization("weight", mask);
        var pruned = shell.Run("inspect", shell.Save("a.safetensors", wide)).Output;
        Assert.Matches("pruned \\(Pruning.Custom \\(Mask.Parse \"16x256:.{17}\\.\\.\\.\"", pruned);

        var value = Parametrizations.SpectralNorm(iterations: 7, epsilon: 1e-9, dimension: 1);
        var normed = nn.Linear(4, 4).register_parametrization("weight", value);
        var found = shell.Run("verify", shell.Save("b.safetensors", normed)).Output;
        Assert.DoesNotContain("...", found);
    }

    [Fact]
    public void What_the_file_says_counts_more_than_what_is_named()
    {
        using var shell = new Shell();
        var file = shell.Save("a.safetensors", StateModels.Parametrized(Parametrizations.Cayley()));
        Assert.Matches(@"fc\.weight +cayley ", shell.Run("inspect", file, "-p", "*=matrixExp").Output);
        shell.Save(
            "b.safetensors",
            shell.Load("a.safetensors"),
            new() { ["parametrize"] = "1", ["parametrize.fc.weight"] = "cayly" }
        );
        Assert.Matches(@"fc\.weight +cayley ", shell.Run("inspect", "./b.safetensors", "-p", "*=cayley").Output);
    }

    [Fact]
    public void Names_of_PyTorchs_older_functions_are_understood()
    {
        using var shell = new Shell();
        Dictionary<string, Tensor> state = new()
        {
            ["fc.weight_g"] = rand(3, 1) + 1,
            ["fc.weight_v"] = rand(3, 2) + 1,
            ["other.weight_g"] = rand(3),
        };
        var (_, output, _) = shell.Run("inspect", shell.Save("a.safetensors", state));
        Assert.Matches(@"fc\.weight +weightNorm 0 +\[3, 2\] +Float32 +inside", output);
        Assert.Matches(@"other\.weight_g +\[3\] +Float32", output);
    }

    [Fact]
    public void Numbers_that_are_not_finite_are_counted()
    {
        using var shell = new Shell();
        Dictionary<string, Tensor> state = new() { ["w"] = tensor(new[] { 1, float.NaN, float.PositiveInfinity }) };
        Assert.Contains("2 not finite", shell.Run("inspect", shell.Save("a.safetensors", state)).Output);
    }

    [Fact]
    public void Adapters_show_their_configuration()
    {
        using var shell = new Shell();
        var model = nn.Sequential(("q", nn.Linear(3, 4)))
            .get_peft_model(
                new LoraConfig
                {
                    Rank = 2,
                    Alpha = 6,
                    TargetModules = ["q"],
                }
            );
        peft.save_pretrained(model, shell["adapter"]);
        foreach (var path in new[] { "./adapter", "./adapter/adapter_model.safetensors" })
        {
            var (code, output, _) = shell.Run("inspect", path);
            Assert.Equal(0, code);
            Assert.Contains("adapter of PEFT: LoRA, rank 2, alpha 6, on q", output);
            Assert.Matches(@"base_model\.model\.q\.lora_A\.weight +\[2, 3\]", output);
        }
    }

    [Fact]
    public void Json_says_the_same()
    {
        using var shell = new Shell();
        var file = shell.Save(
            "a.safetensors",
            StateModels.Parametrized(Parametrizations.Cayley()),
            new() { ["note"] = "first" }
        );
        var json = JsonNode.Parse(shell.Run("inspect", file, "--json").Output)!;
        Assert.Equal("first", (string?)json["metadata"]!["note"]);
        var weight = json["tensors"]!.AsArray().Single(tensor => (string?)tensor!["name"] == "fc.weight")!;
        Assert.Equal("cayley", (string?)weight["value"]);
        Assert.Equal([4, 4], weight["shape"]!.AsArray().Select(size => (long)size!));
        Assert.Equal("inside", (string?)weight["membership"]);
        Assert.Equal(0.0, (double?)weight["distance"]);
        Assert.Contains("fc.parametrizations.weight.original", weight["keys"]!.ToJsonString());
    }
}

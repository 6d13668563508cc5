using System.Text.Json.Nodes;
using Parametrize.CSharp;
using Xunit;
using static TorchSharp.torch;
using StateModels = Properties.CSharp.State.Models;

namespace Properties.CSharp.Tool;

/// <summary>`diff` lists what differs, and its exit code tells whether anything does.</summary>
public class ComparingFiles
{
    private static Shell.Result Compared(
        Action<Dictionary<string, Tensor>, Dictionary<string, string>> change,
        params string[] options
    )
    {
        using var shell = new Shell();
        shell.Save("a.safetensors", StateModels.Parametrized(Parametrizations.Cayley()), new() { ["note"] = "first" });
        var (state, metadata) = (shell.Load("a.safetensors"), shell.Metadata("a.safetensors"));
        using (no_grad())
            change(state, metadata);
        shell.Save("b.safetensors", state, metadata);
        return shell.Run(["diff", "./a.safetensors", "./b.safetensors", .. options]);
    }

    private static void Differ(string pattern, Shell.Result result)
    {
        Assert.Equal((1, ""), (result.Code, result.Error));
        Assert.Matches(pattern, result.Output);
    }

    [Fact]
    public void Equal_files_do_not_differ()
    {
        var result = Compared((state, _) => state["fc.bias"] = state["fc.bias"].clone());
        Assert.Equal((0, "no difference"), (result.Code, result.Output.Trim()));
    }

    [Fact]
    public void Numbers() =>
        Differ(@"fc\.bias +numbers +0\.25", Compared((state, _) => state["fc.bias"] = state["fc.bias"] + 0.25));

    [Fact]
    public void Numbers_within_the_tolerance()
    {
        var result = Compared((state, _) => state["fc.bias"] = state["fc.bias"] + 0.25, "--tolerance", "0.3");
        Assert.Equal(0, result.Code);
    }

    [Fact]
    public void Not_a_number_differs_from_numbers_only()
    {
        Differ(@"fc\.bias +numbers +NaN", Compared((state, _) => state["fc.bias"][0] = double.NaN, "--tolerance", "9"));
        using var shell = new Shell();
        Dictionary<string, Tensor> state = new() { ["w"] = tensor(new[] { 1, float.NaN, float.PositiveInfinity }) };
        Assert.Equal(0, shell.Run("diff", shell.Save("a.safetensors", state), shell.Save("b.safetensors", state)).Code);
    }

    [Fact]
    public void Computed_numbers() =>
        Differ(
            @"fc\.weight +numbers +\d",
            Compared(
                (state, _) => state["fc.parametrizations.weight.original"] = randn(4, 4, dtype: ScalarType.Float64)
            )
        );

    [Fact]
    public void Pieces_of_equal_numbers()
    {
        static void Double(Dictionary<string, Tensor> state) =>
            state["fc.parametrizations.weight.original1"] = state["fc.parametrizations.weight.original1"] * 2;
        using var shell = new Shell();
        var model = StateModels.Parametrized(Parametrizations.WeightNorm());
        var file = shell.Save("a.safetensors", model);
        var state = shell.Load("a.safetensors");
        Double(state);
        var other = shell.Save("b.safetensors", state, shell.Metadata("a.safetensors"));
        Differ(@"fc\.weight +numbers of fc\.parametrizations\.weight\.original1", shell.Run("diff", file, other));
        Assert.Equal(0, shell.Run("diff", file, other, "--values").Code);
    }

    [Fact]
    public void Shapes() =>
        Differ(
            @"fc\.bias +shape +\[4\] +\[2, 2\]",
            Compared((state, _) => state["fc.bias"] = state["fc.bias"].reshape(2, 2))
        );

    [Fact]
    public void Element_types() =>
        Differ(
            @"fc\.bias +dtype +Float64 +Float32",
            Compared((state, _) => state["fc.bias"] = state["fc.bias"].@float())
        );

    [Fact]
    public void Tensors_that_are_missing()
    {
        Differ(@"fc\.bias +tensor +\[4\] Float64 +missing", Compared((state, _) => state.Remove("fc.bias")));
        Differ(@"head +tensor +missing +\[2\] Float32", Compared((state, _) => state["head"] = zeros(2)));
    }

    [Fact]
    public void Values() =>
        Differ(
            @"fc\.weight +value +cayley +matrixExp",
            Compared((_, metadata) => metadata["parametrize.fc.weight"] = "matrixExp")
        );

    [Fact]
    public void What_cannot_be_computed_in_one() =>
        Differ(@"fc\.weight +computed +yes +no", Compared((_, metadata) => metadata.Remove("parametrize")));

    [Fact]
    public void Metadata() =>
        Differ("metadata note +first +second", Compared((_, metadata) => metadata["note"] = "second"));

    [Fact]
    public void Json_says_the_same()
    {
        var result = Compared((state, _) => state["fc.bias"] = state["fc.bias"] + 0.25, "--json");
        Assert.Equal(1, result.Code);
        var difference = Assert.Single(JsonNode.Parse(result.Output)!.AsArray())!;
        Assert.Equal(
            ("fc.bias", "numbers", 0.25),
            ((string?)difference["tensor"], (string?)difference["what"], Math.Round((double)difference["largest"]!, 9))
        );
    }
}

using Parametrize.CSharp;
using Properties.CSharp.Support;
using Xunit;
using static TorchSharp.torch;
using StateModels = Properties.CSharp.State.Models;

namespace Properties.CSharp.Tool;

/// <summary>`convert` computes tensors by another value, and keeps what they are.</summary>
public class ConvertingFiles
{
    private static nn.Module Moved()
    {
        var model = StateModels.Parametrized(Parametrizations.Cayley());
        using var _ = no_grad();
        foreach (var parameter in model.parameters())
            parameter.add_(rand_like(parameter) * 0.1);
        return model;
    }

    [Theory]
    [InlineData("matrixExp")]
    [InlineData("householder")]
    [InlineData("weightNorm 0")]
    [InlineData("svd 4L [ orthogonal; identity; orthogonal ]")]
    public void A_model_of_the_other_value_loads_the_file_and_has_the_same_weights(string code)
    {
        using var shell = new Shell();
        var model = Moved();
        var file = shell.Save("a.safetensors", model, new() { ["note"] = "first" });
        var result = shell.Run("convert", file, "--to", code, "-o", "./b.safetensors");
        Assert.Equal((0, ""), (result.Code, result.Error));
        Assert.Contains("1 converted", result.Output);
        Assert.Equal("first", shell.Metadata("b.safetensors")["note"]);

        var other = StateModels.Parametrized(Parametrizations.Parse(code));
        other.load_parametrized_state_dict(shell.Load("b.safetensors"));
        Near.Same(StateModels.Weight(model), StateModels.Weight(other), 1e-9);
        Assert.Equal(0, shell.Run("verify", "./b.safetensors").Code);
        Assert.Equal(0, shell.Run("diff", file, "./b.safetensors", "--values", "--tolerance", "1e-9").Code);
        Assert.Equal(1, shell.Run("diff", file, "./b.safetensors").Code);

        // And what it bakes to is what the first bakes to.
        shell.Run("bake", file, "-o", "./a.baked");
        shell.Run("bake", "./b.safetensors", "-o", "./b.baked");
        Near.Same(shell.Load("a.baked")["fc.weight"], shell.Load("b.baked")["fc.weight"], 1e-9);
    }

    private sealed class Holder : nn.Module
    {
        public readonly ParametrizedTensor kernel = new(Parametrizations.Symmetric, eye(3));

        public Holder()
            : base(nameof(Holder)) => RegisterComponents();
    }

    /// <summary>So that the model's own loading finds them.</summary>
    [Fact]
    public void A_tensor_that_a_module_holds_keeps_the_names_of_its_parts()
    {
        using var shell = new Shell();
        shell.Save("held.safetensors", new Holder());
        using var saved = SavedModel.Load(shell["held.safetensors"]);
        saved.Convert("kernel", Parametrizations.Scale(2));
        Assert.Equal(["kernel.original"], saved.Tensors.Single().Pieces.Keys);
    }

    [Fact]
    public void What_is_not_named_is_written_bit_for_bit()
    {
        using var shell = new Shell();
        var model = nn.Sequential(("a", nn.Linear(4, 4)), ("b", nn.Linear(4, 4)), ("norm", nn.BatchNorm1d(4)));
        model.register_parametrization("a.weight", Parametrizations.Cayley());
        model.register_parametrization("b.weight", Parametrizations.SpectralNorm());
        var file = shell.Save("a.safetensors", model);
        Assert.Equal(
            0,
            shell.Run("convert", file, "--to", "matrixExp", "--tensor", "a.w*", "-o", "./b.safetensors").Code
        );
        var (before, after) = (shell.Load("a.safetensors"), shell.Load("b.safetensors"));
        Assert.Equal(before.Keys.Order(), after.Keys.Order());
        Assert.All(
            before.Where(entry => !entry.Key.StartsWith("a.parametrizations", StringComparison.Ordinal)),
            entry => Near.Identical(entry.Value, after[entry.Key])
        );
        Assert.Equal("spectralNorm", shell.Metadata("b.safetensors")["parametrize.b.weight"]);
    }

    [Fact]
    public void Plain_tensors_can_be_given_a_value()
    {
        using var shell = new Shell();
        var plain = nn.Sequential(("fc", nn.Linear(4, 4)));
        var file = shell.Save("a.safetensors", plain);
        Assert.Equal(2, shell.Run("convert", file, "--to", "weightNorm 0", "-o", "./b.safetensors").Code);
        Assert.Equal(
            0,
            shell.Run("convert", file, "--to", "weightNorm 0", "--tensor", "fc.weight", "-o", "./b.safetensors").Code
        );
        var other = StateModels.Parametrized(Parametrizations.WeightNorm(), ScalarType.Float32);
        other.load_parametrized_state_dict(shell.Load("b.safetensors"));
        Near.Same(plain.state_dict()["fc.weight"], StateModels.Weight(other));
    }

    [Fact]
    public void Joint_tensors_stay_joint()
    {
        using var shell = new Shell();
        var model = nn.Sequential(("fc", nn.Linear(3, 4)));
        model.register_parametrization(["fc.weight", "fc.bias"], Parametrizations.Orthogonal());
        var file = shell.Save("a.safetensors", model);
        Assert.Equal(0, shell.Run("convert", file, "--to", "lowRank 4L", "-o", "./b.safetensors").Code);
        Assert.Equal(0, shell.Run("bake", "./b.safetensors", "-o", "./c.safetensors").Code);
        Near.Same(model.baked_state_dict()["fc.bias"], shell.Load("c.safetensors")["fc.bias"]);
    }

    [Fact]
    public void What_the_value_does_not_allow_is_refused_unless_it_is_projected()
    {
        using var shell = new Shell();
        var file = shell.Save("a.safetensors", Moved());
        var (code, _, error) = shell.Run("convert", file, "--to", "skew", "-o", "./b.safetensors");
        Assert.Equal(1, code);
        Assert.Contains("fc.weight: The tensor is not allowed by skew", error);
        Assert.Contains("--project", error);
        Assert.False(File.Exists(shell["b.safetensors"]));

        Assert.Equal(0, shell.Run("convert", file, "--to", "skew", "--project", "-o", "./b.safetensors").Code);
        shell.Run("bake", file, "-o", "./c.safetensors");
        using var projection = Parametrizations.Skew.Project(shell.Load("c.safetensors")["fc.weight"]);
        shell.Run("bake", "./b.safetensors", "-o", "./d.safetensors");
        Near.Same(projection, shell.Load("d.safetensors")["fc.weight"]);
    }

    [Fact]
    public void A_value_without_a_right_inverse_is_refused()
    {
        using var shell = new Shell();
        var file = shell.Save("a.safetensors", Moved());
        var (code, _, error) = shell.Run("convert", file, "--to", "spectralNorm >>>! cayley", "-o", "./b.safetensors");
        Assert.Equal(1, code);
        Assert.Contains("has no right inverse", error);
    }

    [Theory]
    [InlineData("cayly", "cayley")]
    [InlineData("skew >>> skew >>>", "'skew >>> skew >>>' cannot be read as a value")]
    public void A_value_that_there_is_not(string code, string says)
    {
        using var shell = new Shell();
        var result = shell.Run("convert", shell.Save("a.safetensors", Moved()), "--to", code, "-o", "./b.safetensors");
        Assert.Equal(2, result.Code);
        Assert.Contains(says, result.Error);
    }

    [Fact]
    public void A_pattern_that_means_nothing()
    {
        using var shell = new Shell();
        var file = shell.Save("a.safetensors", Moved());
        var result = shell.Run("convert", file, "--to", "matrixExp", "--tensor", "gc.*", "-o", "./b.safetensors");
        Assert.Equal(2, result.Code);
        Assert.Contains("No tensor is named gc.*. There are: fc.bias, fc.weight", result.Error);
    }
}

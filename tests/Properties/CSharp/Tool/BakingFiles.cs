using Parametrize;
using Parametrize.CSharp;
using Properties.CSharp.Joint;
using Properties.CSharp.Support;
using TorchSharp.Modules;
using Xunit;
using static TorchSharp.torch;
using StateModels = Properties.CSharp.State.Models;

namespace Properties.CSharp.Tool;

/// <summary>`bake` writes what a model computes with, from its file alone.</summary>
public class BakingFiles
{
    /// <summary>A module that holds its tensor itself.</summary>
    private sealed class Own : nn.Module<Tensor, Tensor>
    {
        public readonly ParametrizedTensor kernel = new(Parametrizations.Skew, rand(3, 3));

        public Own()
            : base(nameof(Own)) => RegisterComponents();

        public override Tensor forward(Tensor x) => x.mm(kernel.Value);
    }

    private static void IsBaked(nn.Module model, int computed = 1)
    {
        using var shell = new Shell();
        var file = shell.Save("a.safetensors", model, new() { ["format"] = "pt" });
        var (code, output, error) = shell.Run("bake", file, "-o", "./b.safetensors");
        Assert.Equal((0, ""), (code, error));
        var (expected, baked) = (model.baked_state_dict(), shell.Load("b.safetensors"));
        Assert.Equal($"b.safetensors: {expected.Count} tensors, {computed} computed", output.Trim());
        Assert.Equal(expected.Keys.Order(), baked.Keys.Order());
        Assert.All(expected, entry => Near.Same(entry.Value, baked[entry.Key], 0));
        Assert.Equal(new Dictionary<string, string> { ["format"] = "pt" }, shell.Metadata("b.safetensors"));
    }

    private static nn.Module Moved(nn.Module model)
    {
        using var _ = no_grad();
        foreach (var parameter in model.parameters())
            parameter.add_(rand_like(parameter) * 0.1);
        return model;
    }

    public static TheoryData<string> Values => new(StateModels.Values.Keys);

    [Theory]
    [MemberData(nameof(Values))]
    public void Every_value(string value) => IsBaked(Moved(StateModels.Parametrized(StateModels.Values[value])));

    [Theory]
    [InlineData(ScalarType.Float32)]
    [InlineData(ScalarType.Float16)]
    [InlineData(ScalarType.BFloat16)]
    public void Every_element_type(ScalarType dtype) =>
        IsBaked(StateModels.Parametrized(Parametrizations.Cayley(), dtype));

    [Fact]
    public void Kernels_whose_shape_the_pieces_do_not_tell()
    {
        var model = nn.Sequential(("conv", nn.Conv2d(2, 6, 3)), ("norm", nn.BatchNorm2d(6)));
        model.register_parametrization("conv.weight", Parametrizations.OnKernel(Parametrizations.LowRank(2)));
        IsBaked(Moved(model));
    }

    [Theory]
    [InlineData("Linear")]
    [InlineData("Conv2d")]
    [InlineData("On top")]
    [InlineData("Nested")]
    public void Several_tensors_as_one(string kind)
    {
        var joined = Joined.Of(kind);
        joined.Module.register_parametrization(joined.Names, Parametrizations.WeightNorm(), dim: joined.Dimension);
        IsBaked(joined.Module);
    }

    [Fact]
    public void Tensors_that_modules_hold_themselves()
    {
        using var shell = new Shell();
        using var own = new Own();
        var file = shell.Save("a.safetensors", nn.Sequential(("inner", own), ("fc", nn.Linear(3, 3))));
        Assert.Equal(0, shell.Run("bake", file, "-o", "./b.safetensors").Code);
        using var value = own.kernel.Value;
        Near.Same(value, shell.Load("b.safetensors")["inner.kernel"], 0);
    }

    [Fact]
    public void States_of_PyTorch()
    {
        var model = nn.Sequential(("fc", nn.Linear(3, 7)));
        model.register_parametrization("fc.weight", Parametrizations.Orthogonal());
        using var shell = new Shell();
        var file = shell.Save("a.safetensors", model.pytorch_state_dict());
        Assert.Equal(1, shell.Run("bake", file, "-o", "./b.safetensors").Code);
        Assert.Equal(0, shell.Run("bake", file, "-o", "./b.safetensors", "-p", "fc.weight=orthogonal").Code);
        using var value = model.parametrization("fc.weight").Value;
        Near.Same(value, shell.Load("b.safetensors")["fc.weight"], 1e-6);
    }

    [Fact]
    public void What_cannot_be_computed_is_refused_and_nothing_is_written()
    {
        using var shell = new Shell();
        var state = StateModels.StateOf(StateModels.Parametrized(Parametrizations.Cayley()));
        var (code, _, error) = shell.Run("bake", shell.Save("a.safetensors", state), "-o", "./b.safetensors");
        Assert.Equal(1, code);
        Assert.Contains("fc.weight: it is computed from", error);
        Assert.False(File.Exists(shell["b.safetensors"]));
    }

    [Fact]
    public void A_name_for_two_tensors_is_refused()
    {
        using var shell = new Shell();
        shell.Save("a.safetensors", StateModels.Parametrized(Parametrizations.Cayley()));
        var (state, metadata) = (shell.Load("a.safetensors"), shell.Metadata("a.safetensors"));
        state["fc.weight"] = zeros(4, 4);
        var (code, _, error) = shell.Run("bake", shell.Save("b.safetensors", state, metadata), "-o", "./c.safetensors");
        Assert.Equal(2, code);
        Assert.Contains("The file has 'fc.weight' as a plain tensor and as pieces", error);

        var joint = nn.Linear(3, 4).register_parametrization("weight+bias", Parametrizations.Cayley());
        shell.Save("d.safetensors", joint);
        (state, metadata) = (shell.Load("d.safetensors"), shell.Metadata("d.safetensors"));
        state["bias"] = zeros(4);
        (code, _, error) = shell.Run("bake", shell.Save("e.safetensors", state, metadata), "-o", "./f.safetensors");
        Assert.Equal(2, code);
        Assert.Contains("The file has 'bias' as a plain tensor and as pieces", error);
    }
}

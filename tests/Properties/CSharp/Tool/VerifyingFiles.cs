using Parametrize;
using Parametrize.CSharp;
using Properties.CSharp.State;
using Properties.CSharp.Support;
using Xunit;
using static TorchSharp.torch;
using StateModels = Properties.CSharp.State.Models;

namespace Properties.CSharp.Tool;

/// <summary>`verify` computes everything, and its exit code tells whether all is as it should be.</summary>
public class VerifyingFiles
{
    private const string Original = "fc.parametrizations.weight.original";

    public static TheoryData<string> Values => new(StateModels.Values.Keys);

    [Theory]
    [MemberData(nameof(Values))]
    public void Nothing_is_wrong_with_what_the_library_has_written(string value)
    {
        using var shell = new Shell();
        var (code, output, _) = shell.Run(
            "verify",
            shell.Save("a.safetensors", StateModels.Parametrized(StateModels.Values[value]))
        );
        Assert.Equal(0, code);
        Assert.Equal("a.safetensors: 2 tensors, 1 parametrized, nothing wrong", output.Trim());
    }

    private static Shell.Result Verified(
        Parametrization value,
        Action<Dictionary<string, Tensor>, Dictionary<string, string>> harm
    )
    {
        using var shell = new Shell();
        shell.Save("a.safetensors", StateModels.Parametrized(value));
        var (state, metadata) = (shell.Load("a.safetensors"), shell.Metadata("a.safetensors"));
        using (no_grad())
            harm(state, metadata);
        return shell.Run("verify", shell.Save("b.safetensors", state, metadata));
    }

    private static void Found(string what, Shell.Result result)
    {
        Assert.Equal(1, result.Code);
        Assert.Contains(what, result.Output);
        Assert.Contains("wrong: 1", result.Output);
    }

    /// <summary>As a spectral norm is in the middle of training.</summary>
    [Fact]
    public void Singular_vectors_that_are_behind_are_no_fault()
    {
        Seeded.Everywhere(3);
        var (code, output, _) = Verified(
            Parametrizations.SpectralNorm(),
            (state, _) => state[Original].add_(0.01 * randn_like(state[Original]))
        );
        Assert.Equal(0, code);
        Assert.Contains("were behind when it was saved. `Refresh()`", output, StringComparison.Ordinal);
        Assert.Contains("nothing wrong", output, StringComparison.Ordinal);
    }

    [Fact]
    public void Pieces_that_are_not_finite() =>
        Found(
            $"{Original}: finite numbers were expected, but 1 are NaN or infinite",
            Verified(Parametrizations.Cayley(), (state, _) => state[Original][0, 1] = double.NaN)
        );

    [Fact]
    public void Plain_tensors_that_are_not_finite() =>
        Found(
            "fc.bias: 2 of its numbers are NaN or infinite",
            Verified(Parametrizations.Cayley(), (state, _) => state["fc.bias"][..2] = double.NegativeInfinity)
        );

    [Fact]
    public void A_base_that_makes_no_member() =>
        Found(
            "fc.parametrizations.weight.0.base: cayley cannot compute with it",
            Verified(Parametrizations.Cayley(), (state, _) => state["fc.parametrizations.weight.0.base"].fill_(1))
        );

    [Fact]
    public void A_norm_that_is_believed_and_not_kept() =>
        Found(
            "fc.weight: The tensor is not allowed by spectralNorm",
            Verified(
                Parametrizations.SpectralNorm(),
                (state, _) =>
                {
                    // Unit vectors that have nothing to do with the tensor.
                    state["fc.parametrizations.weight.0._u"].zero_()[0] = 1;
                    state["fc.parametrizations.weight.0._v"].zero_()[0] = 1;
                    state[Original].copy_(diag(tensor(new[] { 1.0, 2.0, 3.0, 4.0 })));
                }
            )
        );

    [Fact]
    public void A_piece_that_is_missing() =>
        Found(
            "cayley is computed from original, 0.base, but the file has fc.parametrizations.weight.original",
            Verified(Parametrizations.Cayley(), (state, _) => state.Remove("fc.parametrizations.weight.0.base"))
        );

    [Fact]
    public void A_piece_of_another_shape() =>
        Found(
            "has shape [4, 3]",
            Verified(
                Parametrizations.Cayley(),
                (state, _) => state["fc.parametrizations.weight.0.base"] = zeros(4, 3, dtype: ScalarType.Float64)
            )
        );

    [Fact]
    public void A_value_without_pieces() =>
        Found(
            "fc.weight: the file says that it is cayley, but has nothing from which it is computed",
            Verified(
                Parametrizations.Cayley(),
                (state, _) =>
                {
                    state.Remove("fc.parametrizations.weight.0.base");
                    state.Remove(Original);
                }
            )
        );

    [Theory]
    [InlineData("cayly")]
    [InlineData("cayley >>>")]
    [InlineData("")]
    public void A_value_that_the_library_does_not_have(string text) =>
        Found(
            $"the file says that it is {text}, which cannot be read",
            Verified(Parametrizations.Cayley(), (_, metadata) => metadata["parametrize.fc.weight"] = text)
        );

    [Fact]
    public void A_value_that_is_not_said() =>
        Found(
            "do not show which map computes it",
            Verified(Parametrizations.Cayley(), (_, metadata) => metadata.Clear())
        );

    [Fact]
    public void What_TorchSharp_cannot_hold()
    {
        using var shell = new Shell();
        File.WriteAllBytes(
            shell["a.safetensors"],
            Files.Of("""{"w":{"dtype":"F8_E4M3","shape":[4],"data_offsets":[0,4]}}""", 4)
        );
        Found("w: TorchSharp has no element type for F8_E4M3", shell.Run("verify", "./a.safetensors"));
    }
}

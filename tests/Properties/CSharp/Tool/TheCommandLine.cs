using Parametrize.CSharp;
using Parametrize.Tool;
using Properties.CSharp.State;
using Xunit;
using StateModels = Properties.CSharp.State.Models;

namespace Properties.CSharp.Tool;

/// <summary>What users of the tool can rely on, whatever the verb.</summary>
public class TheCommandLine
{
    private static readonly string[] Verbs = ["inspect", "verify", "bake", "convert", "merge", "diff"];

    [Fact]
    public void Help_names_verbs_and_exit_codes()
    {
        using var shell = new Shell();
        var (code, output, _) = shell.Run("--help");
        Assert.Equal(0, code);
        Assert.All(Verbs, verb => Assert.Contains($"  {verb} ", output));
        Assert.Contains("Exit codes: 0", output);
        Assert.All(Verbs, verb => Assert.Equal(0, shell.Run(verb, "--help").Code));
    }

    [Theory]
    [InlineData("inspect")]
    [InlineData("inspect ./a.safetensors --colour")]
    [InlineData("look ./a.safetensors")]
    [InlineData("bake ./a.safetensors")]
    [InlineData("convert ./a.safetensors -o ./b.safetensors")]
    [InlineData("merge ./a.safetensors -o ./b.safetensors")]
    [InlineData("diff ./a.safetensors ./a.safetensors --tolerance -1")]
    [InlineData("diff ./a.safetensors ./a.safetensors --tolerance few")]
    [InlineData("inspect ./a.safetensors -p cayley")]
    [InlineData("inspect ./a.safetensors -p fc.weight=cayly")]
    [InlineData("inspect ./a.safetensors -p fc.*=cayley -p fc.w*=skew")]
    [InlineData("inspect ./missing.safetensors")]
    [InlineData("bake ./a.safetensors -o ./missing/b.safetensors")]
    [InlineData("")]
    public void What_cannot_be_done_is_said_in_a_sentence_and_exits_with_2(string line)
    {
        using var shell = new Shell();
        shell.Save("a.safetensors", StateModels.Parametrized(Parametrizations.Cayley()));
        var (code, output, error) = shell.Run(line.Split(' ', StringSplitOptions.RemoveEmptyEntries));
        Assert.Equal((2, ""), (code, output));
        Assert.NotEmpty(error);
        Assert.DoesNotContain("   at ", error);
    }

    [Theory]
    [InlineData("bake ./a.safetensors")]
    [InlineData("convert ./a.safetensors --to matrixExp")]
    public void A_file_that_is_there_is_replaced_by_force_only(string line)
    {
        using var shell = new Shell();
        shell.Save("a.safetensors", StateModels.Parametrized(Parametrizations.Cayley()));
        File.WriteAllText(shell["b.safetensors"], "mine");
        string[] words = [.. line.Split(' '), "-o", "./b.safetensors"];
        var (code, _, error) = shell.Run(words);
        Assert.Equal(2, code);
        Assert.Contains("b.safetensors is there already. --force replaces it.", error);
        Assert.Equal("mine", File.ReadAllText(shell["b.safetensors"]));
        Assert.Equal(0, shell.Run([.. words, "--force"]).Code);
        Assert.Equal(0, shell.Run("verify", "./b.safetensors").Code);

        // The input is read by then.
        Assert.Equal(0, shell.Run([.. line.Split(' '), "-o", "./a.safetensors", "--force"]).Code);
        Assert.Equal(0, shell.Run("diff", "./a.safetensors", "./b.safetensors").Code);
    }

    public static TheoryData<byte[], string> Broken =>
        new()
        {
            { [], "8 bytes with the length of the header were expected" },
            { "PK\u0003\u0004 and what torch.save writes"u8.ToArray(), "save_file of safetensors.torch" },
            { "no tensors at all"u8.ToArray(), "is not a valid safetensors file" },
            { Files.Of("""{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""", 4), "truncated" },
            { Files.Of("""{"__metadata__":{"parametrize":"2"}}"""), "format 2" },
        };

    [Theory]
    [MemberData(nameof(Broken))]
    public void Files_that_cannot_be_read(byte[] bytes, string says)
    {
        using var shell = new Shell();
        File.WriteAllBytes(shell["a.safetensors"], bytes);
        var good = shell.Save("b.safetensors", StateModels.Plain());
        string[][] lines =
        [
            ["inspect", "./a.safetensors"],
            ["verify", "./a.safetensors"],
            ["bake", "./a.safetensors", "-o", "./c.safetensors"],
            ["convert", "./a.safetensors", "--to", "skew", "-o", "./c.safetensors"],
            ["diff", good, "./a.safetensors"],
        ];
        foreach (var line in lines)
        {
            var (code, output, error) = shell.Run(line);
            Assert.Equal((2, ""), (code, output));
            Assert.Contains(says, error);
            Assert.Contains("a.safetensors", error);
        }
    }

    [Fact]
    public void Tensors_that_would_be_lost_are_not_written()
    {
        using var shell = new Shell();
        File.WriteAllBytes(
            shell["a.safetensors"],
            Files.Of("""{"w":{"dtype":"F8_E4M3","shape":[4],"data_offsets":[0,4]}}""", 4)
        );
        string[][] lines =
        [
            ["bake", "./a.safetensors", "-o", "./c.safetensors"],
            ["diff", "./a.safetensors", "./a.safetensors"],
        ];
        foreach (var line in lines)
        {
            var (code, _, error) = shell.Run(line);
            Assert.Equal(2, code);
            Assert.Contains("TorchSharp has no element type for F8_E4M3, in which the file has w", error);
        }
    }

    [Fact]
    public void Libtorch_is_looked_for_where_the_user_says_else_where_NuGet_has_it()
    {
        var here = AppContext.BaseDirectory;
        var nowhere = Path.Combine(here, "nowhere");
        Assert.Equal(here, Libtorch.Folder(here, nowhere));
        Assert.Equal(here, Libtorch.Folder(null, here));
        Assert.Contains(
            "PARAMETRIZE_LIBTORCH is",
            Assert.Throws<ToolException>(() => Libtorch.Folder(nowhere, here)).Message
        );
        Assert.Contains(nowhere, Assert.Throws<ToolException>(() => Libtorch.Folder("", nowhere)).Message);
    }

    [Fact]
    public void Its_version_is_that_of_the_backend()
    {
        var restored = File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Properties.CSharp.deps.json"));
        Assert.Matches($@"""libtorch-(cpu|cuda)[^""]*/{Libtorch.Version.Replace(".", "\\.")}[^""]*""", restored);
    }
}

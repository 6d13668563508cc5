using Parametrize.CSharp;
using Properties.CSharp.Support;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp.State;

/// <summary>Files are written whole or not at all.</summary>
public sealed class SafetensorsFiles : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("parametrize").FullName;

    private string Path => System.IO.Path.Combine(_folder, "model.safetensors");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Saving_replaces_an_older_file()
    {
        Safetensors.Save(Path, One(ones(3)));
        Safetensors.Save(Path, One(zeros(2)), new Dictionary<string, string> { ["epoch"] = "3" });
        Near.Identical(zeros(2), Safetensors.Load(Path, out var metadata)["a"]);
        Assert.Equal("3", metadata["epoch"]);
        Assert.Equal([Path], Directory.GetFiles(_folder));
    }

    [Fact]
    public void A_write_that_fails_leaves_the_older_file()
    {
        Safetensors.Save(Path, One(ones(3)));
        Assert.Throws<IOException>(() =>
            Safetensors.Save(Path, new Writing(["a"], _ => throw new IOException("The disk is full.")))
        );
        Near.Identical(ones(3), Safetensors.Load(Path)["a"]);
        Assert.Equal([Path], Directory.GetFiles(_folder));
    }

    [Fact]
    public void A_place_that_cannot_be_written_is_an_IOException_and_leaves_nothing()
    {
        Directory.CreateDirectory(Path);
        Assert.ThrowsAny<IOException>(() => Safetensors.Save(Path, One(ones(3))));
        Assert.Empty(Directory.GetFiles(_folder));
        var nowhere = System.IO.Path.Combine(_folder, "no", "where");
        var refusal = Assert.Throws<DirectoryNotFoundException>(() => Safetensors.Save(nowhere, One(ones(3))));
        Assert.StartsWith($"{nowhere} cannot be written", refusal.Message);
    }

    [Fact]
    public void A_link_stays_a_link()
    {
        var link = System.IO.Path.Combine(_folder, "latest");
        Safetensors.Save(Path, One(ones(3)));
        File.CreateSymbolicLink(link, Path);
        Safetensors.Save(link, One(zeros(2)));
        Near.Identical(zeros(2), Safetensors.Load(Path)["a"]);
        Assert.NotNull(new FileInfo(link).LinkTarget);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Links_that_lead_to_links_stay_all(bool isRelative)
    {
        var inner = Directory.CreateDirectory(System.IO.Path.Combine(_folder, "inner")).FullName;
        Safetensors.Save(Path, One(zeros(1)));
        var links = new List<string>();
        for (var count = 1; count <= 4; count++)
        {
            var (link, last) = (System.IO.Path.Combine(inner, $"link{count}"), links.LastOrDefault(Path));
            File.CreateSymbolicLink(link, isRelative ? System.IO.Path.GetRelativePath(inner, last) : last);
            links.Add(link);
            Safetensors.Save(link, One(ones(count)));
            Near.Identical(ones(count), Safetensors.Load(Path)["a"]);
            Assert.All(links, path => Assert.NotNull(new FileInfo(path).LinkTarget));
            Assert.Equal(links, Directory.GetFiles(inner).Order());
        }
    }

    [Fact]
    public void A_bad_file_is_named()
    {
        File.WriteAllText(Path, "no");
        Assert.Contains(Path, Assert.Throws<InvalidDataException>(() => Safetensors.Load(Path)).Message);
        Assert.Throws<FileNotFoundException>(() => Safetensors.Load(Path + ".none"));
    }

    public static TheoryData<string> Unsuitable => [.. Unfit.Keys];

    private static readonly Dictionary<string, Func<Tensor>> Unfit = new()
    {
        ["complex128"] = () => zeros(2, dtype: ScalarType.ComplexFloat64),
        ["sparse"] = () => sparse_coo_tensor(zeros([1, 1], dtype: ScalarType.Int64), ones(1), [2]),
        ["meta"] = () => empty([2], device: META),
        ["__metadata__"] = () => ones(2),
        ["null"] = () => null!,
    };

    [Theory]
    [MemberData(nameof(Unsuitable))]
    public void What_the_format_cannot_hold_is_refused_before_anything_is_written(string name)
    {
        using var stream = new MemoryStream();
        var tensors = new Dictionary<string, Tensor> { ["first"] = ones(2), [name] = Unfit[name]() };
        var error = Assert.Throws<ArgumentException>(() => Safetensors.Save(stream, tensors));
        Assert.Contains(name[..4], error.Message);
        Assert.Equal(0, stream.Length);
    }

    [Fact]
    public void More_dimensions_than_reading_accepts_are_refused_by_name()
    {
        var shape = Enumerable.Repeat(1L, 10_001).ToArray();
        var error = Assert.Throws<ArgumentException>(() => Files.Saved(One(ones(shape))));
        Assert.Contains("'a' has 10001 dimensions", error.Message);
        Assert.Equal(10_000, Files.Loaded(Files.Saved(One(ones(shape[1..]))))["a"].dim());
    }

    [Fact]
    public void Half_of_a_surrogate_pair_is_refused_in_names_and_metadata()
    {
        var half = new Dictionary<string, string> { ["k"] = "\ud800" };
        Assert.Contains("surrogate", Assert.Throws<ArgumentException>(() => Files.Saved(One(ones(1)), half)).Message);
        var named = new Dictionary<string, Tensor> { ["\udc00"] = ones(1) };
        Assert.Contains("surrogate", Assert.Throws<ArgumentException>(() => Files.Saved(named)).Message);
    }

    [Fact]
    public void Metadata_without_a_text_are_refused_by_their_name()
    {
        var lacking = new Dictionary<string, string> { ["epoch"] = null! };
        var refusal = Assert.Throws<ArgumentException>(() => Files.Saved(One(ones(1)), lacking));
        Assert.StartsWith("A text was expected for 'epoch' of the metadata", refusal.Message, StringComparison.Ordinal);
        Assert.Equal("metadata", refusal.ParamName);
    }

    private static Dictionary<string, Tensor> One(Tensor tensor) => new() { ["a"] = tensor };
}

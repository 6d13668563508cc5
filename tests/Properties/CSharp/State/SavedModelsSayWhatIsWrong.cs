using System.Text.Json;
using Parametrize;
using Parametrize.CSharp;
using Properties.CSharp.Support;
using Properties.CSharp.Tool;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp.State;

/// <summary>What a file without its model lacks or has wrong, and what is asked of it in vain.</summary>
public sealed class SavedModelsSayWhatIsWrong : IDisposable
{
    private readonly Shell _shell = new();

    private string Path => _shell["model.safetensors"];

    public void Dispose() => _shell.Dispose();

    /// <summary>A tensor w of two rows that the file calls symmetric, one of a user's own value, and a plain one.</summary>
    private byte[] Write(params (string Key, string Text)[] metadata)
    {
        var tensors = new Dictionary<string, Tensor>
        {
            ["parametrizations.w.original"] = ones(2, 2),
            ["fc.parametrizations.v.original"] = ones(3),
            ["bias"] = zeros(2),
        };
        var described = new Dictionary<string, string>
        {
            ["parametrize"] = "1",
            ["parametrize.w"] = "symmetric",
            ["parametrize.fc.v"] = "positive",
            ["by"] = "hand",
        };
        foreach (var (key, text) in metadata)
            described[key] = text;
        Safetensors.Save(Path, tensors, described);
        return File.ReadAllBytes(Path);
    }

    private static SavedTensor Find(SavedModel saved, string name) =>
        Assert.Single(saved.Tensors, tensor => tensor.Name == name);

    private static string Refused<T>(Action verb)
        where T : Exception => Assert.Throws<T>(verb).Message;

    [Fact]
    public void A_tensor_to_convert_that_is_not_there()
    {
        var file = Write();
        using var saved = SavedModel.Load(Path);
        var error = Assert.Throws<ArgumentException>(() => saved.Convert("v", Parametrizations.Symmetric));
        Assert.StartsWith("There is no tensor 'v'. There is: bias, fc.v, w.", error.Message);
        Assert.Equal("name", error.ParamName);
        saved.Save(Path);
        Assert.Equal(file, File.ReadAllBytes(Path));
    }

    [Fact]
    public void Tensors_that_cannot_be_computed_are_all_listed_and_are_saved_as_they_are()
    {
        var file = Write(("parametrize.w", "symetric"), ("parametrize.fc.v", "orthogonal"));
        using var saved = SavedModel.Load(Path);
        var (first, second) = (Find(saved, "fc.v").Problem, Find(saved, "w").Problem);
        Assert.StartsWith("fc.v: ", first);
        Assert.StartsWith("w: the file says that it is symetric, which cannot be read", second);
        Assert.Null(Find(saved, "bias").Problem);
        Assert.Equal(
            $"{first}{Environment.NewLine}{second}",
            Refused<InvalidDataException>(() => saved.baked_state_dict())
        );
        Assert.Equal(second, Refused<InvalidDataException>(() => Find(saved, "w").Value()));
        Assert.Equal(second, Refused<InvalidDataException>(() => saved.Convert("w", Parametrizations.Skew)));
        using var bias = Find(saved, "bias").Value();
        Near.Identical(zeros(2), bias);
        saved.Save(Path);
        Assert.Equal(file, File.ReadAllBytes(Path));
    }

    [Fact]
    public void What_was_not_read_would_be_lost()
    {
        var header = new Dictionary<string, object>
        {
            ["a"] = Entry("U16", 0, 2),
            ["b"] = Entry("F8_E4M3", 2, 3),
            ["c"] = Entry("F32", 3, 7),
        };
        File.WriteAllBytes(Path, Files.Of(JsonSerializer.SerializeToUtf8Bytes(header), new byte[7]));
        using var saved = SavedModel.Load(Path);
        Assert.Equal(["c"], saved.Tensors.Select(tensor => tensor.Name));
        var expected = string.Join(
            Environment.NewLine,
            "a is U16 in the file, for which TorchSharp has no element type, so it was not read.",
            "b is F8_E4M3 in the file, for which TorchSharp has no element type, so it was not read."
        );
        Assert.Equal(expected, Refused<InvalidDataException>(() => saved.baked_state_dict()));
        var other = _shell["other.safetensors"];
        Assert.Equal(expected, Refused<InvalidDataException>(() => saved.Save(other)));
        Assert.False(File.Exists(other));

        static object Entry(string dtype, int begin, int end) =>
            new
            {
                dtype,
                shape = new[] { 1 },
                data_offsets = new[] { begin, end },
            };
    }

    [Theory]
    [InlineData("w", true)]
    [InlineData("fc.*", true)]
    [InlineData("bias", true)]
    [InlineData("v", false)]
    [InlineData("weight.*", false)]
    public void A_name_of_a_parametrization_has_to_mean_a_tensor(string name, bool isThere)
    {
        Write();
        var maps = new Dictionary<string, Parametrization> { [name] = Parametrizations.Identity };
        if (isThere)
            SavedModel.Load(Path, maps).Dispose();
        else
            Assert.Equal(
                $"parametrizations: '{name}' names no tensor of the state. Those that are computed from others: fc.v, w.",
                Refused<ArgumentException>(() => SavedModel.Load(Path, maps))
            );
    }

    [Theory]
    [InlineData("two by two")]
    [InlineData("[[2,2]")]
    [InlineData("{}")]
    [InlineData("null")]
    [InlineData("[]")]
    [InlineData("[null]")]
    [InlineData("[2,2]")]
    [InlineData("[[2.5,2]]")]
    [InlineData("[[2,-2]]")]
    public void Shapes_that_are_none(string text)
    {
        Write(("parametrize-shapes.w", text));
        using var saved = SavedModel.Load(Path);
        var found = Find(saved, "w");
        Assert.Equal($"w: parametrize-shapes.w should be shapes, such as [[4,3]], but is {text}.", found.Problem);
        Assert.Null(found.Parametrized);
        Assert.Null(Find(saved, "fc.v").Problem);
    }

    [Theory]
    [InlineData("[[2,2]]", null)]
    [InlineData("[[2,2],[2]]", "w: the file has 2 shapes for 1 tensors.")]
    [InlineData("[[2,1],[2],[2]]", "w: the file has 3 shapes for 1 tensors.")]
    [InlineData("[[3,3]]", "w: the shapes in the file, [3, 3], do not fit its pieces.")]
    public void Shapes_of_other_tensors(string text, string? problem)
    {
        Write(("parametrize-shapes.w", text));
        using var saved = SavedModel.Load(Path);
        Assert.Equal(problem, Find(saved, "w").Problem);
    }

    [Fact]
    public void What_was_read_of_a_refused_file_is_freed()
    {
        var file = System.IO.Path.GetTempFileName();
        // Of a later format.
        Safetensors.Save(file, nn.Linear(4, 3).state_dict(), new Dictionary<string, string> { ["parametrize"] = "2" });
        Assert.Throws<InvalidDataException>(() => SavedModel.Load(file));
        var before = Tensor.TotalCount;
        Assert.Throws<InvalidDataException>(() => SavedModel.Load(file));
        Assert.Equal(before, Tensor.TotalCount);
        File.Delete(file);
    }
}

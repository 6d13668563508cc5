using System.IO.Compression;
using System.Text;
using FsCheck;
using FsCheck.Xunit;
using Parametrize.CSharp;
using Properties.CSharp.Support;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp.State;

/// <summary>What is saved is loaded, bit for bit, and lies in the file as the format says.</summary>
public class SafetensorsRoundTrips
{
    [Property]
    public void Any_tensors_under_any_names(NonNull<string>[] names, NonNull<string>[] texts, int seed)
    {
        using var _ = NewDisposeScope();
        var random = new Random(seed);
        var tensors = names.Select(name => name.Get).Distinct().ToDictionary(name => name, _ => Files.Random(random));
        var metadata = texts.Select(text => text.Get).Distinct().ToDictionary(text => text, text => text + "!");

        var file = Files.Saved(tensors, metadata);
        var loaded = Safetensors.Load(new MemoryStream(file), out var said);

        Assert.Equal(metadata.OrderBy(pair => pair.Key), said.OrderBy(pair => pair.Key));
        Assert.Equal(tensors.Keys.Order(), loaded.Keys.Order());
        foreach (var (name, tensor) in tensors)
        {
            Assert.Equal(tensor.dtype, loaded[name].dtype);
            Assert.Equal(tensor.shape, loaded[name].shape);
            Assert.Equal(Files.Bytes(tensor), Files.Bytes(loaded[name]));
        }
        Assert.Equal(file, Files.Saved(tensors.Reverse().ToDictionary(), metadata.Reverse().ToDictionary()));
    }

    /// <summary>Bytes are copied 64 MiB at a time.</summary>
    [Theory]
    [InlineData(ScalarType.Float32, 0)]
    [InlineData(ScalarType.Float32, 1)]
    [InlineData(ScalarType.ComplexFloat32, 3)]
    [InlineData(ScalarType.BFloat16, 5)]
    [InlineData(ScalarType.Bool, 7)]
    public void Tensors_beyond_one_chunk(ScalarType dtype, long more)
    {
        using var _ = NewDisposeScope();
        var path = Path.GetTempFileName();
        try
        {
            var length = (1L << 26) / ones(1, dtype: dtype).element_size() + more;
            var long_ = arange(length).remainder(251).to(dtype);
            var wide = dtype == ScalarType.Bool ? long_.view(1, -1) : long_.view(-1, 1).t();
            Safetensors.Save(path, new Dictionary<string, Tensor> { ["a"] = wide, ["b"] = ones(3) });
            var loaded = Safetensors.Load(path);
            Near.Identical(wide, loaded["a"]);
            Near.Identical(ones(3), loaded["b"]);
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Fact]
    public void A_boolean_of_another_byte_in_a_later_chunk_is_refused()
    {
        var length = (1 << 26) + 9;
        var file = Files.Of(
            Encoding.UTF8.GetBytes(
                $$$"""{"a":{"dtype":"BOOL","shape":[{{{length}}}],"data_offsets":[0,{{{length}}}]}}"""
            ),
            new byte[length]
        );
        file[^2] = 3;
        Assert.Contains("is 3", Assert.Throws<InvalidDataException>(() => Files.Loaded(file)).Message);
    }

    [Fact]
    public void A_file_is_what_Python_writes()
    {
        const string header =
            """{"__metadata__":{"format":"pt"},"b":{"dtype":"I64","shape":[],"data_offsets":[0,8]}"""
            + ""","a":{"dtype":"F32","shape":[1,2],"data_offsets":[8,16]}"""
            + ""","h":{"dtype":"BF16","shape":[1],"data_offsets":[16,18]}"""
            + ""","m":{"dtype":"BOOL","shape":[3],"data_offsets":[18,21]}}""";
        var padded = header.PadRight((header.Length + 7) / 8 * 8);
        byte[] data = [7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x80, 0x3F, 0, 0, 0, 0xC0, 0xC0, 0x3F, 1, 0, 1];
        var expected = Files.Of(Encoding.ASCII.GetBytes(padded), data);

        var tensors = new Dictionary<string, Tensor>
        {
            ["m"] = tensor(new[] { true, false, true }),
            ["a"] = tensor(new[] { 1f, -2f }).reshape(1, 2),
            ["h"] = tensor(new[] { 1.5f }).to(ScalarType.BFloat16),
            ["b"] = tensor(7L),
        };
        Assert.Equal(expected, Files.Saved(tensors, new Dictionary<string, string> { ["format"] = "pt" }));

        var loaded = Files.Loaded(expected);
        Assert.Equal(7, loaded["b"].item<long>());
        Assert.Equal([1f, -2f], loaded["a"].data<float>().ToArray());
        Assert.Equal([true, false, true], loaded["m"].data<bool>().ToArray());
    }

    [Fact]
    public void The_example_of_the_format_s_documentation_is_read()
    {
        // Older writers did not pad: the data begin at an odd place.
        var loaded = Files.Loaded(Files.Of("""{"test":{"dtype":"I32","shape":[2,2],"data_offsets":[0,16]}}""", 16));
        Near.Identical(zeros([2, 2], dtype: ScalarType.Int32), loaded["test"]);
    }

    [Fact]
    public void A_header_may_be_in_any_order_and_say_more()
    {
        var file = Files.Of(
            """{ "b": {"data_offsets":[1,2],"extra":[{}],"shape":[1],"dtype":"U8"}, "a": {"dtype":"U8","shape":[1],"data_offsets":[0,1]} }  """,
            2
        );
        Assert.Equal(["a", "b"], Files.Loaded(file).Keys.Order());
    }

    [Fact]
    public void Nothing_is_a_file_too()
    {
        Assert.Empty(Files.Loaded(Files.Saved(new Dictionary<string, Tensor>())));
        Assert.Empty(Files.Loaded(Files.Of("{}")));
    }

    [Fact]
    public void Conjugates_are_saved_as_they_read()
    {
        var number = complex(tensor(new[] { 1f, 2f }), tensor(new[] { 3f, 4f }));
        var file = Files.Saved(new Dictionary<string, Tensor> { ["c"] = number.conj() });
        Assert.Equal([-3f, -4f], Files.Loaded(file)["c"].imag.clone().data<float>().ToArray());
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public void Parts_of_conjugates_are_saved_as_they_read(int count)
    {
        var number = complex(arange(1, count + 1, dtype: float32), arange(2, count + 2, dtype: float32));
        var file = Files.Saved(new Dictionary<string, Tensor> { ["i"] = number.conj().imag });
        Assert.Equal(
            Enumerable.Range(2, count).Select(entry => -(float)entry),
            Files.Loaded(file)["i"].data<float>().ToArray()
        );
    }

    [Fact]
    public void Parameters_are_saved_without_their_gradients()
    {
        var layer = nn.Linear(3, 2);
        var loaded = Files.Loaded(Files.Saved(layer.state_dict()));
        Near.Identical(layer.weight.detach(), loaded["weight"]);
        Assert.False(loaded["weight"].requires_grad);
    }

    [Fact]
    public void Tensors_of_an_accelerator_come_back_on_the_cpu()
    {
        if (!cuda.is_available())
            return;
        var tensor = randn(3, 4, device: CUDA);
        var loaded = Files.Loaded(Files.Saved(new Dictionary<string, Tensor> { ["a"] = tensor }))["a"];
        Assert.Equal(DeviceType.CPU, loaded.device_type);
        Near.Identical(tensor, loaded);
    }

    [Fact]
    public void A_stream_is_read_from_where_it_is_even_if_it_cannot_seek()
    {
        var file = Files.Saved(new Dictionary<string, Tensor> { ["a"] = ones(3) });
        using var late = new MemoryStream([1, 2, 3, .. file]) { Position = 3 };
        Near.Identical(ones(3), Safetensors.Load(late)["a"]);

        using var packed = new MemoryStream();
        using (var deflate = new DeflateStream(packed, CompressionMode.Compress, leaveOpen: true))
            deflate.Write(file);
        packed.Position = 0;
        using var unpacked = new DeflateStream(packed, CompressionMode.Decompress);
        Near.Identical(ones(3), Safetensors.Load(unpacked)["a"]);
    }

    [Fact]
    public void Loaded_tensors_belong_to_the_caller_s_scope_and_nothing_else_lives()
    {
        var file = Files.Saved(new Dictionary<string, Tensor> { ["a"] = ones(3), ["b"] = ones(2, 2) });
        using var scope = NewDisposeScope();
        Files.Loaded(file);
        Assert.Equal(2, scope.DisposablesCount);
        Files.Saved(new Dictionary<string, Tensor> { ["a"] = ones(3) });
        Assert.Equal(3, scope.DisposablesCount);

        // Of a file that is refused, what had been read is freed.
        var refused = Files.Of(
            """{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"b":{"dtype":"BOOL","shape":[2],"data_offsets":[1,3]}}"""u8.ToArray(),
            5,
            1,
            2
        );
        Assert.Contains("is 2", Assert.Throws<InvalidDataException>(() => Files.Loaded(refused)).Message);
        Assert.Equal(3, scope.DisposablesCount);
    }
}

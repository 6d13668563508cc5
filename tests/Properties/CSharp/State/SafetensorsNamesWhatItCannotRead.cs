using System.Text.Json;
using Parametrize;
using Parametrize.CSharp;
using Properties.CSharp.Support;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp.State;

/// <summary>Element types of the format that TorchSharp lacks: the other tensors of the file are read all the same.</summary>
public class SafetensorsNamesWhatItCannotRead
{
    public static TheoryData<string, int> Types =>
        new()
        {
            { "U64", 64 },
            { "U32", 32 },
            { "U16", 16 },
            { "F8_E4M3", 8 },
            { "F8_E5M2", 8 },
            { "F8_E8M0", 8 },
            { "F8_E4M3FNUZ", 8 },
            { "F8_E5M2FNUZ", 8 },
            { "F6_E2M3", 6 },
            { "F6_E3M2", 6 },
            { "F4", 4 },
        };

    [Theory]
    [MemberData(nameof(Types))]
    public void The_others_are_read_wherever_it_lies(string dtype, int bits)
    {
        var loaded = Files.Loaded(File(("a", "F32", 32), ("fc.weight", dtype, bits), ("fc.bias", "F32", 32)));
        Assert.Equal(["a", "fc.bias"], loaded.Keys);
        Near.Identical(ones(8), loaded["a"]);
        Near.Identical(ones(8), loaded["fc.bias"]);
        Assert.Equal(dtype, Assert.Single(loaded.Unread, pair => pair.Key == "fc.weight").Value);
    }

    [Fact]
    public void Whoever_asks_for_it_is_told_its_type()
    {
        var loaded = Files.Loaded(File(("a", "F32", 32), ("b", "U16", 16)));
        var said = "'b' is U16 in the file, for which TorchSharp has no element type, so it was not read.";
        Assert.Equal(said, Assert.Throws<KeyNotFoundException>(() => loaded["b"]).Message);
        IReadOnlyDictionary<string, Tensor> read = loaded;
        Assert.Equal(said, Assert.Throws<KeyNotFoundException>(() => read["b"]).Message);
        IDictionary<string, Tensor> changed = loaded;
        Assert.Equal(said, Assert.Throws<KeyNotFoundException>(() => changed["b"]).Message);
        Assert.DoesNotContain("U16", Assert.Throws<KeyNotFoundException>(() => loaded["c"]).Message);
        loaded["b"] = loaded["a"];
        Assert.Same(loaded["a"], loaded["b"]);
    }

    [Theory]
    [InlineData("fc.weight", false)]
    [InlineData("fc.weight", true)]
    [InlineData("fc.parametrizations.weight.original", true)]
    [InlineData("fc.parametrizations.weight.original", false)]
    public void A_model_that_needs_it_is_told_its_type(string key, bool isParametrized)
    {
        var model = nn.Sequential(("fc", nn.Linear(8, 1)));
        if (isParametrized)
            model.register_parametrization("fc.weight", Parametrizations.Positive);
        using var bias = model.state_dict()["fc.bias"].clone();
        var state = Files.Loaded(File((key, "F8_E4M3", 8), ("x", "U16", 16)));
        state["fc.bias"] = zeros(1);
        var error = Assert.Throws<StateDictException>(() => model.load_parametrized_state_dict(state));
        Assert.Equal(
            $"{key} is F8_E4M3 in the file, for which TorchSharp has no element type, so it was not read.",
            Assert.Single(error.Problems)
        );
        Assert.Single(error.MissingKeys);
        Near.Identical(bias, model.state_dict()["fc.bias"]);

        model.load_parametrized_state_dict(state, strict: false);
        Near.Identical(zeros(1), model.state_dict()["fc.bias"]);
    }

    [Fact]
    public void A_weight_that_lacks_several_pieces_is_told_once()
    {
        var model = nn.Sequential(("fc", nn.Linear(8, 1)));
        model.register_parametrization("fc.weight", Parametrizations.WeightNorm());
        var state = Files.Loaded(File(("fc.weight", "F8_E4M3", 8)));
        state["fc.bias"] = zeros(1);
        var error = Assert.Throws<StateDictException>(() => model.load_parametrized_state_dict(state));
        Assert.Equal(2, error.MissingKeys.Count);
        Assert.Contains("F8_E4M3", Assert.Single(error.Problems));
    }

    /// <summary>Each of eight entries, ones where they are float32.</summary>
    private static byte[] File(params (string Name, string Dtype, int Bits)[] tensors)
    {
        var header = new Dictionary<string, object>();
        var data = new List<byte>();
        foreach (var (name, dtype, bits) in tensors)
        {
            long[] span = [data.Count, data.Count + bits];
            data.AddRange(dtype == "F32" ? Near.Bytes(ones(8)) : Enumerable.Repeat((byte)7, bits));
            header[name] = new
            {
                dtype,
                shape = new[] { 8 },
                data_offsets = span,
            };
        }
        return Files.Of(JsonSerializer.SerializeToUtf8Bytes(header), [.. data]);
    }
}

using System.Text;
using FsCheck.Xunit;
using Parametrize.CSharp;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp.State;

/// <summary>Whatever is wrong with a file is an InvalidDataException that says what.</summary>
public class SafetensorsRefusesBadFiles
{
    [Theory]
    [MemberData(nameof(BadHeaders.All), MemberType = typeof(BadHeaders))]
    public void A_bad_header_is_refused_with_its_fault(string header, int dataLength, string fault)
    {
        var error = Assert.Throws<InvalidDataException>(() => Files.Loaded(Files.Of(header, dataLength)));
        Assert.Contains(fault, error.Message);
        Assert.True(error.Message.Length < 1000, "Messages do not quote the whole file.");
    }

    [Fact]
    public void Text_that_is_no_UTF_8_is_refused()
    {
        byte[] header = [.. "{\""u8, 0xC3, 0x28, .. "\":{}}"u8];
        Assert.Contains("UTF-8", Assert.Throws<InvalidDataException>(() => Files.Loaded(Files.Of(header))).Message);
    }

    [Fact]
    public void A_boolean_of_another_byte_is_refused()
    {
        var file = Files.Of("""{"a":{"dtype":"BOOL","shape":[2],"data_offsets":[0,2]}}"""u8.ToArray(), 1, 2);
        Assert.Contains("is 2", Assert.Throws<InvalidDataException>(() => Files.Loaded(file)).Message);
    }

    [Theory]
    [InlineData(100_000_001UL, "at most 100000000")]
    [InlineData(ulong.MaxValue, "at most 100000000")]
    [InlineData(1UL << 63, "at most 100000000")]
    [InlineData(99_000_000UL, "bytes follow")]
    [InlineData(3UL, "2 bytes follow")]
    public void A_header_longer_than_the_file_is_refused_before_memory_is_taken_for_it(ulong length, string fault)
    {
        byte[] file = [.. BitConverter.GetBytes(length), .. "{}"u8];
        var before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Contains(fault, Assert.Throws<InvalidDataException>(() => Files.Loaded(file)).Message);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1_000_000);
    }

    [Fact]
    public void A_file_cut_anywhere_is_refused()
    {
        var whole = Files.Saved(
            new Dictionary<string, Tensor>
            {
                ["a"] = ones(2),
                ["b"] = tensor(new[] { true }),
                ["c"] = zeros(0),
            },
            new Dictionary<string, string> { ["k"] = "v" }
        );
        for (var length = 0; length < whole.Length; length++)
            Assert.Throws<InvalidDataException>(() => Files.Loaded(whole[..length]));
        Assert.Equal(3, Files.Loaded(whole).Count);
    }

    [Property(MaxTest = 2000)]
    public void A_file_with_changed_bytes_is_read_or_refused(ushort place, byte value, ushort other, byte otherValue)
    {
        using var _ = NewDisposeScope();
        var file = Files.Saved(
            new Dictionary<string, Tensor> { ["a"] = ones(2), ["b"] = ones(1, 2) },
            new Dictionary<string, string> { ["k"] = "v" }
        );
        file[place % file.Length] = value;
        file[other % file.Length] = otherValue;
        try
        {
            Files.Loaded(file);
        }
        catch (InvalidDataException) { }
    }

    [Fact]
    public void Many_dimensions_are_read_or_refused()
    {
        foreach (var count in new[] { 10, 64, 65, 200, 5000 })
        {
            var shape = string.Join(",", Enumerable.Repeat("1", count));
            var file = Files.Of($$$"""{"a":{"dtype":"U8","shape":[{{{shape}}}],"data_offsets":[0,1]}}""", 1);
            Assert.Equal(count, Files.Loaded(file)["a"].dim());
        }
    }

    [Theory]
    [InlineData("shape", "The shape of 'a' has more than 10000 dimensions.")]
    [InlineData("data_offsets", "data_offsets of 'a' should be [begin, end], but has more than two numbers.")]
    public void Numbers_without_end_are_refused_before_they_are_kept(string field, string fault)
    {
        var header = Encoding.UTF8.GetBytes(
            $$$"""{"a":{"dtype":"U8","{{{field}}}":[{{{string.Join(",", Enumerable.Repeat("1", 5_000_000))}}}]}}"""
        );
        var file = Files.Of(header, 1);
        var before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Contains(fault, Assert.Throws<InvalidDataException>(() => Files.Loaded(file)).Message);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, header.Length + 1_000_000);
    }

    /// <summary>Their tensors alone take half a kilobyte each, outside of this count.</summary>
    [Fact]
    public void Very_many_names_take_little_more_than_their_tensors()
    {
        const int count = 20_000;
        var entries = Enumerable
            .Range(0, count)
            .Select(index =>
                $$$""" "k{{{index}}}":{"dtype":"U8","shape":[1],"data_offsets":[{{{index}}},{{{index + 1}}}]} """
            );
        var file = Files.Of($"{{{string.Join(",", entries)}}}", count);
        using var scope = NewDisposeScope();
        var before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Equal(count, Files.Loaded(file).Count);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1200 * count);
    }

    [Fact]
    public void A_stream_that_ends_early_is_refused()
    {
        var file = Files.Of("""{"a":{"dtype":"U8","shape":[9],"data_offsets":[0,9]}}""", 9);
        using var stream = new Boastful(file[..^1]);
        Assert.Throws<InvalidDataException>(() => Safetensors.Load(stream));
    }

    /// <summary>Says that it is longer than it is.</summary>
    private sealed class Boastful(byte[] bytes) : MemoryStream(bytes)
    {
        public override long Length => base.Length + 1;
    }
}

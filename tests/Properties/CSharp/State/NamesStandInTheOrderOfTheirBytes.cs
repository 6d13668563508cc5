using System.Buffers.Binary;
using System.Text.Json;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp.State;

/// <summary>Tensors of one element type stand in a file as Python's writer puts them: by the bytes of their names.</summary>
public class NamesStandInTheOrderOfTheirBytes
{
    /// <summary>Of one byte to four; those of four are two of 16 bits, which are below others of three.</summary>
    private static readonly string[] Letters =
    [
        "\0",
        "A",
        "a",
        "~",
        "\u0080",
        "\u07ff",
        "\u0800",
        "\ud7ff",
        "\ue000",
        "\uffff",
        "\U00010000",
        "\U0010ffff",
    ];

    private static IEnumerable<string> NamesIn(byte[] file)
    {
        var length = (int)BinaryPrimitives.ReadUInt64LittleEndian(file);
        using var header = JsonDocument.Parse(file.AsMemory(8, length));
        return [.. header.RootElement.EnumerateObject().Select(entry => entry.Name)];
    }

    [Fact]
    public void Of_any_letters()
    {
        using var _ = NewDisposeScope();
        // What begins a name comes before it.
        string[] expected = [.. Letters.SelectMany(first => Letters.Select(next => first + next).Prepend(first))];
        var names = expected.ToArray();
        var random = new Random(1);
        for (var count = 0; count < 3; count++)
        {
            random.Shuffle(names);
            var file = Files.Saved(names.ToDictionary(name => name, _ => ones(1)));
            Assert.Equal(expected, NamesIn(file));
        }
    }
}

using System.IO.Compression;
using static TorchSharp.torch;

namespace Samples.Data;

/// <summary>Handwritten digits as sequences of 64 pixels, split into training and test images.</summary>
/// <param name="Train">1,437 images.</param>
/// <param name="Test">360 images.</param>
public sealed record DigitsData(LabelledImages Train, LabelledImages Test) : IDisposable
{
    private const int TrainCount = 1437;
    private const int Pixels = 64;
    private const float Ink = 16;

    // The split is the same whatever --seed says, so that accuracies can be compared.
    private const int SplitSeed = 0;

    /// <summary>Reads the images from the program itself, in which they are embedded.</summary>
    public static DigitsData Load(Device device)
    {
        var rows = ReadRows().ToArray();
        new Random(SplitSeed).Shuffle(rows);
        return new(ToTensors(rows[..TrainCount], device), ToTensors(rows[TrainCount..], device));
    }

    /// <summary>Training and test images together.</summary>
    public LabelledImages All() => new(cat([Train.Pixels, Test.Pixels]), cat([Train.Labels, Test.Labels]));

    public void Dispose()
    {
        Train.Dispose();
        Test.Dispose();
    }

    private static IEnumerable<int[]> ReadRows()
    {
        using var file = typeof(DigitsData).Assembly.GetManifestResourceStream("digits.csv.gz")!;
        using var reader = new StreamReader(new GZipStream(file, CompressionMode.Decompress));
        while (reader.ReadLine() is { } line)
            yield return [.. line.Split(',').Select(int.Parse)];
    }

    private static LabelledImages ToTensors(int[][] rows, Device device)
    {
        var pixels = rows.SelectMany(row => row[..^1]).Select(pixel => pixel / Ink).ToArray();
        var labels = rows.Select(row => (long)row[^1]).ToArray();
        return new(tensor(pixels, [rows.Length, Pixels], device: device), tensor(labels, device: device));
    }
}

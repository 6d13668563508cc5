using System.IO.Compression;
using System.Reflection;
using Flows.Report;
using Parametrize.Flows;
using static TorchSharp.torch;

namespace Flows.Data;

/// <summary>
/// Handwritten digits of 8 x 8 pixels and 17 levels, by a flow of several scales: half of the pixels, then half of the others, is
/// dropped, with an autoregressive density given those that are kept.
/// </summary>
public sealed record DigitImages()
    : Problem(
        "digits",
        "digits",
        "bits per pixel",
        Side * Side * Math.Log(2),
        2.2,
        "Gaussian 2.495; zuko's spline flow 2.213"
    )
{
    public const int Side = 8;

    private const int Levels = 17;
    private const int TrainCount = 1437;
    private const int Hidden = 128;

    // The split is the same whatever --seed says, so that results can be compared.
    private const int SplitSeed = 0;

    public override int Steps => 500;

    public override int BatchSize => 128;

    public override double LearningRate => 3e-3;

    public override (Tensor Train, Tensor Test) Load(int seed)
    {
        var rows = ReadRows().ToArray();
        new Random(SplitSeed).Shuffle(rows);
        return (Images(rows[..TrainCount]), Images(rows[TrainCount..]));
    }

    public override Flow NewFlow()
    {
        const int pixels = Side * Side;
        return new Dequantization(Levels)
            >> new Reshape([1, Side, Side], [pixels])
            >> new ActNorm(pixels)
            >> new Elementwise(new SplineMap(), pixels)
            >> new Reshape([pixels], [1, Side, Side])
            >> new Squeeze()
            >> new Reshape([4, Side / 2, Side / 2], [pixels])
            >> new Slice(pixels / 2, Given(pixels / 2), isConditional: true)
            >> new Slice(pixels / 4, Given(pixels / 4), isConditional: true)
            >> new Autoregressive(new SplineMap(), pixels / 4, [Hidden, Hidden])
            >> new StandardNormal(pixels / 4);
    }

    /// <summary>A density of as many pixels as are kept, given those.</summary>
    private static Flow Given(int pixels) =>
        new(new Autoregressive(new SplineMap(), pixels, [Hidden, Hidden], contextSize: pixels), pixels);

    public override void Draw(Flow flow, string path) => DigitsPicture.Save(flow, path);

    private static IEnumerable<float[]> ReadRows()
    {
        using var file = Assembly.GetExecutingAssembly().GetManifestResourceStream("digits.csv.gz")!;
        using var reader = new StreamReader(new GZipStream(file, CompressionMode.Decompress));
        while (reader.ReadLine() is { } line)
            yield return [.. line.Split(',')[..^1].Select(float.Parse)];
    }

    private static Tensor Images(float[][] rows) =>
        tensor(rows.SelectMany(row => row).ToArray(), [rows.Length, 1, Side, Side]);
}

using Flows.Report;
using Parametrize.Flows;
using Samples.Data;
using static TorchSharp.torch;

namespace Flows.Data;

/// <summary>
/// Handwritten digits of 8 x 8 pixels and 17 levels, by a flow of several scales: it drops half of the pixels, then half of the
/// rest. Dropped pixels have an autoregressive density given those that are kept.
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
    private const int Hidden = 128;

    public override int Steps => 500;

    public override int BatchSize => 128;

    public override double LearningRate => 3e-3;

    public override (Tensor Train, Tensor Test) Load(int seed)
    {
        using var data = DigitsData.Load(CPU);
        return (Images(data.Train), Images(data.Test));
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

    /// <summary>Whole numbers from 0 to 16.</summary>
    private static Tensor Images(LabelledImages images)
    {
        using var levels = images.Pixels * (Levels - 1);
        return levels.reshape(-1, 1, Side, Side);
    }
}

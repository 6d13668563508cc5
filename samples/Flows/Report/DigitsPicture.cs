using Flows.Data;
using Parametrize.Flows;
using static TorchSharp.torch;

namespace Flows.Report;

/// <summary>Digits beside samples of a flow.</summary>
internal static class DigitsPicture
{
    private const int Rows = 8;
    private const int Step = DigitImages.Side + 1;
    private const double Ink = 16;

    public static void Save(Flow flow, string path)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var (data, _) = new DigitImages().Load(0);
        Picture.Save(path, Panel("data", data), Panel("samples", flow.sample(Rows * Rows)));
    }

    private static ScottPlot.Plot Panel(string title, Tensor images)
    {
        var shades = new double[Rows * Step, Rows * Step];
        var pixels = images.to(float64).data<double>();
        for (var index = 0; index < Rows * Rows; index++)
        for (var row = 0; row < DigitImages.Side; row++)
        for (var column = 0; column < DigitImages.Side; column++)
            shades[index / Rows * Step + row, index % Rows * Step + column] =
                pixels[(index * DigitImages.Side + row) * DigitImages.Side + column] / Ink;
        var panel = Picture.Panel(title);
        Picture.AddShades(panel, shades, new ScottPlot.Colormaps.Grayscale());
        return panel;
    }
}

using ScottPlot;
using static TorchSharp.torch;

namespace Samples.Report;

/// <summary>Images of digits in rows and columns.</summary>
public static class DigitsPanel
{
    private const int Side = 8;
    private const int Rows = 8;
    private const int Step = Side + 1;

    /// <param name="title">What they are.</param>
    /// <param name="images">At least 64 images of 64 pixels each, from 0 to 1.</param>
    public static Plot Of(string title, Tensor images)
    {
        var shades = new double[Rows * Step, Rows * Step];
        using var numbers = images.to(float64).contiguous();
        var pixels = numbers.data<double>();
        for (var index = 0; index < Rows * Rows; index++)
        for (var row = 0; row < Side; row++)
        for (var column = 0; column < Side; column++)
            shades[index / Rows * Step + row, index % Rows * Step + column] = pixels[
                (index * Side + row) * Side + column
            ];
        return Picture.Panel(title).WithoutAxes().WithShades(shades, new ScottPlot.Colormaps.Grayscale());
    }
}

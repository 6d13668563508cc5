using Parametrize;
using Parametrize.CSharp;
using ScottPlot;
using static TorchSharp.torch;

namespace Pictures;

/// <summary>What values do to the spectra of matrices.</summary>
internal static class Spectra
{
    private const int Size = 40;

    public static void Eigenvalues(Panels panels)
    {
        Of(panels, "any matrix", randn(Size, Size) / Math.Sqrt(Size));
        Of(panels, "skew", Parametrizations.Skew.Sample([Size, Size]) / Math.Sqrt(Size));
        Of(panels, "orthogonal", Parametrizations.Orthogonal().Sample([Size, Size]));
        Of(panels, "bjorck 2", Parametrizations.Bjorck(2).Project(randn(Size, Size) / Math.Sqrt(Size) * 2));
        Of(panels, "spd", Parametrizations.Spd().Project(randn(Size, Size) / Math.Sqrt(Size)));
    }

    public static void SingularValues(Panels panels)
    {
        var weight = randn(Size, Size) / Math.Sqrt(Size);
        foreach (
            var (title, value) in new (string, Parametrization)[]
            {
                ("orthogonal", Parametrizations.Orthogonal()),
                ("spectralNorm", Parametrizations.SpectralNorm()),
                ("lipschitz 1", Parametrizations.Lipschitz(1)),
                ("lowRank 10", Parametrizations.LowRank(10)),
            }
        )
        {
            var plot = panels.Add(title);
            Line(plot, weight, Colors.Gray, "before");
            Line(plot, value.Project(weight), Colors.Crimson, "after");
            plot.Axes.SetLimits(0, Size, 0, 2.2);
            plot.ShowLegend(Alignment.UpperRight);
        }
    }

    private static void Of(Panels panels, string title, Tensor matrix)
    {
        var values = linalg.eigvals(matrix);
        var plot = panels.AddPlane(title, 2);
        var circle = plot.Add.Circle(0, 0, 1);
        circle.LineColor = Colors.LightGray;
        circle.FillColor = Colors.Transparent;
        plot.Add.VerticalLine(0, 1, Colors.LightGray);
        plot.Add.HorizontalLine(0, 1, Colors.LightGray);
        plot.Add.ScatterPoints(Numbers(values.real), Numbers(values.imag), Colors.Crimson).MarkerSize = 5;
    }

    private static void Line(Plot plot, Tensor matrix, Color colour, string name)
    {
        var line = plot.Add.ScatterLine(
            [.. Enumerable.Range(1, Size).Select(index => (double)index)],
            Numbers(linalg.svdvals(matrix)),
            colour
        );
        line.LineWidth = 2;
        line.LegendText = name;
    }

    internal static double[] Numbers(Tensor tensor) => tensor.to(ScalarType.Float64).flatten().data<double>().ToArray();
}

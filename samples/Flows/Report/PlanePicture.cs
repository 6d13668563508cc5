using Flows.Data;
using Parametrize.Flows;
using Samples.Report;
using ScottPlot;
using static TorchSharp.torch;

namespace Flows.Report;

/// <summary>Data, samples and the density of a flow on the plane.</summary>
internal static class PlanePicture
{
    private const int Points = 2000;
    private const int Cells = 200;
    private const int Size = 400;

    public static void Save(Flow flow, Plane plane, string path)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        using var generator = new Generator(1);
        Picture.Save(
            path,
            Size,
            Size,
            Scatter($"{plane.Name}: data", plane.Points(Points, generator), plane.Reach),
            Scatter("samples", flow.sample(Points), plane.Reach),
            Density(flow, plane.Reach)
        );
    }

    private static Plot Scatter(string title, Tensor points, double reach)
    {
        var panel = Picture.Panel(title).WithoutAxes();
        double[] Column(int index) => points.select(1, index).to(float64).data<double>().ToArray();
        var markers = panel.Add.Markers(Column(0), Column(1), size: 2);
        markers.Color = Colors.SteelBlue;
        panel.Axes.SetLimits(-reach, reach, -reach, reach);
        panel.Axes.SquareUnits();
        return panel;
    }

    private static Plot Density(Flow flow, double reach)
    {
        var side = linspace(-reach, reach, Cells);
        var density = flow.log_prob(cartesian_prod(side, side)).exp().reshape(Cells, Cells).to(float64);
        var shades = new double[Cells, Cells];
        // Peaks of a few cells would leave all else dark.
        var top = density.flatten().quantile(tensor(0.995, dtype: float64)).item<double>();
        var numbers = density.data<double>();
        for (var column = 0; column < Cells; column++)
        for (var row = 0; row < Cells; row++)
            shades[Cells - 1 - row, column] = Math.Min(1, numbers[column * Cells + row] / top);
        return Picture.Panel("density").WithoutAxes().WithShades(shades, new ScottPlot.Colormaps.Viridis());
    }
}

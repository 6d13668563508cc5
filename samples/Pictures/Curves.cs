using Parametrize;
using Parametrize.CSharp;
using ScottPlot;
using static Pictures.Spectra;
using static TorchSharp.torch;

namespace Pictures;

/// <summary>Functions of each entry.</summary>
internal static class Curves
{
    public static void Entries(Panels panels)
    {
        Draw(
            panels.Add("positive"),
            ("softplus", Parametrizations.Positive),
            ("exp", Parametrizations.PositiveBy(PositiveMap.Exp)),
            ("square", Parametrizations.PositiveBy(PositiveMap.Square))
        );
        Draw(
            panels.Add("bounded"),
            ("-1 to 3", Parametrizations.Bounded(-1, 3)),
            ("from -1", Parametrizations.Bounded(-1, double.PositiveInfinity)),
            ("to 3", Parametrizations.Bounded(double.NegativeInfinity, 3))
        );
    }

    private static void Draw(Plot plot, params (string Name, Parametrization Value)[] curves)
    {
        var x = linspace(-4, 4, 161);
        foreach (var ((name, value), colour) in curves.Zip([Colors.Crimson, Colors.RoyalBlue, Colors.SeaGreen]))
        {
            using var entries = new ParametrizedTensor(value, ones_like(x));
            entries.Original.copy_(x);
            var line = plot.Add.ScatterLine(Numbers(x), Numbers(entries.Value), colour);
            line.LineWidth = 2;
            line.LegendText = name;
        }
        plot.Axes.SetLimits(-4, 4, -2, 5);
        plot.XLabel("what is trained");
        plot.ShowLegend(Alignment.UpperLeft);
    }
}

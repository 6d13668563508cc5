using Parametrize.CSharp;
using ScottPlot;
using static Pictures.Spectra;
using static TorchSharp.torch;

namespace Pictures;

/// <summary>Spaces that one can see: the sphere from outside, the simplex of three probabilities as a triangle.</summary>
internal static class Points
{
    public static void Sphere(Panels panels)
    {
        var points = Parametrizations.Sphere().Sample([800, 3]);
        var plot = panels.AddPlane("samples of sphere (front)", 1.2);
        Circle(plot);
        Front(plot, points, Colors.RoyalBlue);

        // From one base, straight on in twelve directions: the map of sphereExp.
        plot = panels.AddPlane("sphereExp: lines from its base", 1.2);
        Circle(plot);
        var towards = tensor(new[] { 0.5, 0.4, 0.77 }, dtype: ScalarType.Float32);
        using var sphere = new ParametrizedTensor(Parametrizations.SphereExp(), towards / towards.norm());
        for (var direction = 0; direction < 12; direction++)
        {
            var angle = Math.PI * direction / 12;
            var line = new List<Tensor>();
            for (var t = -1.5; t <= 1.5; t += 0.02)
            {
                sphere.Original.copy_(
                    tensor(new[] { t * Math.Cos(angle), t * Math.Sin(angle), 0 }, dtype: ScalarType.Float32)
                );
                line.Add(sphere.Value);
            }
            Front(plot, stack(line), Colors.Crimson);
        }
    }

    public static void Simplex(Panels panels)
    {
        var plot = panels.AddPlane("samples of simplex", 1);
        Triangle(plot);
        Mark(plot, Parametrizations.Simplex.Sample([800, 3]), Colors.RoyalBlue, 4);

        plot = panels.AddPlane("simplex: a grid of parameters", 1);
        Triangle(plot);
        var along = linspace(-4, 4, 121);
        for (var at = -4.0; at <= 4; at++)
        {
            Mark(plot, Weights(stack([along, full_like(along, at)], -1)), Colors.Crimson, 2);
            Mark(plot, Weights(stack([full_like(along, at), along], -1)), Colors.RoyalBlue, 2);
        }
    }

    /// <summary>What simplex makes of these numbers.</summary>
    private static Tensor Weights(Tensor numbers)
    {
        using var simplex = new ParametrizedTensor(Parametrizations.Simplex, full([numbers.shape[0], 3], 1.0 / 3));
        simplex.Original.copy_(numbers);
        return simplex.Value;
    }

    private static void Circle(Plot plot)
    {
        var circle = plot.Add.Circle(0, 0, 1);
        circle.LineColor = Colors.Gray;
        circle.FillColor = Colors.Transparent;
    }

    private static void Front(Plot plot, Tensor points, Color colour)
    {
        var front = points[points.select(1, 2) > 0];
        plot.Add.ScatterPoints(Numbers(front.select(1, 0)), Numbers(front.select(1, 1)), colour).MarkerSize = 3;
    }

    private static void Triangle(Plot plot)
    {
        var corners = eye(3)[tensor(new long[] { 0, 1, 2, 0 })];
        var (x, y) = Plane(corners);
        plot.Add.ScatterLine(x, y, Colors.Gray);
    }

    private static void Mark(Plot plot, Tensor weights, Color colour, float size)
    {
        var (x, y) = Plane(weights);
        plot.Add.ScatterPoints(x, y, colour).MarkerSize = size;
    }

    /// <summary>Where three probabilities are in a triangle.</summary>
    private static (double[] X, double[] Y) Plane(Tensor weights)
    {
        var (a, b, c) = (weights.select(1, 0), weights.select(1, 1), weights.select(1, 2));
        return (Numbers((b - a) * 0.9), Numbers(c * 1.5 - 0.7));
    }
}

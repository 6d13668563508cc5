using Parametrize;
using Parametrize.CSharp;
using ScottPlot;
using ScottPlot.Colormaps;
using static TorchSharp.torch;

namespace Pictures;

/// <summary>Matrices as coloured squares: negative numbers blue, zeros white, positive ones red.</summary>
internal static class Structures
{
    public static void Draw(Panels panels)
    {
        Show(panels, "symmetric", Parametrizations.Symmetric.Sample([12, 12]));
        Show(panels, "skew", Parametrizations.Skew.Sample([12, 12]));
        Show(panels, "toeplitz", Parametrizations.Toeplitz.Sample([12, 12]));
        Show(panels, "circulant", Parametrizations.Circulant.Sample([12, 12]));
        Show(panels, "banded 1 2", Parametrizations.Banded(1, 2).Sample([12, 12]));
    }

    public static void Masks(Panels panels)
    {
        var weight = randn(16, 16);
        foreach (
            var (title, value) in new (string, Parametrization)[]
            {
                ("half by modulus", Parametrizations.PrunedL1(0.5)),
                ("half at random", Parametrizations.PrunedRandom(0.5, seed: 1)),
                ("half of the rows by norm", Parametrizations.PrunedLn(0.5, 2, 0)),
                ("2 of 4", Parametrizations.PrunedGroups(2, 4)),
            }
        )
            Show(panels, title, value.Project(weight));
    }

    private static void Show(Panels panels, string title, Tensor matrix)
    {
        var (rows, columns) = ((int)matrix.shape[0], (int)matrix.shape[1]);
        var numbers = new double[rows, columns];
        var flat = matrix.to(ScalarType.Float64).flatten().data<double>().ToArray();
        System.Buffer.BlockCopy(flat, 0, numbers, 0, flat.Length * sizeof(double));
        var plot = panels.AddBare(title);
        var map = plot.Add.Heatmap(numbers);
        map.Colormap = new CustomInterpolated([Colors.RoyalBlue, Colors.White, Colors.Crimson]);
        var reach = flat.Max(Math.Abs);
        map.ManualRange = new ScottPlot.Range(-reach, reach);
        plot.Axes.SquareUnits();
    }
}

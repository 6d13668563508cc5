using ScottPlot;
using ScottPlot.MultiplotLayouts;

namespace Samples.Report;

/// <summary>Plots side by side, saved as one image.</summary>
public static class Picture
{
    private const string Font = "DejaVu Sans";

    // Its own font, because a machine without any would leave out the labels.
    static Picture() => Fonts.AddFontFile(Font, Path.Combine(AppContext.BaseDirectory, "fonts", "DejaVuSans.ttf"));

    /// <summary>A new plot.</summary>
    public static Plot Panel(string title, float titleSize = 16)
    {
        var plot = new Plot();
        plot.Title(title, size: titleSize);
        plot.Font.Set(Font);
        return plot;
    }

    /// <summary>Takes the axes away; the title stays.</summary>
    public static Plot WithoutAxes(this Plot plot)
    {
        foreach (var axis in new IAxis[] { plot.Axes.Left, plot.Axes.Right, plot.Axes.Bottom, plot.Axes.Top })
            axis.IsVisible = false;
        plot.HideGrid();
        return plot;
    }

    /// <summary>Numbers from 0 to 1 as shades, the first row on top.</summary>
    public static Plot WithShades(this Plot plot, double[,] shades, IColormap colours)
    {
        var map = plot.Add.Heatmap(shades);
        map.Colormap = colours;
        map.ManualRange = new(0, 1);
        return plot;
    }

    /// <param name="path">The PNG file.</param>
    /// <param name="width">Of one plot, in pixels.</param>
    /// <param name="height">Of the image, in pixels.</param>
    /// <param name="plots">From left to right.</param>
    public static void Save(string path, int width, int height, params IReadOnlyList<Plot> plots)
    {
        var image = new Multiplot { Layout = new Columns() };
        image.RemovePlot(image.GetPlots()[0]);
        foreach (var plot in plots)
            image.AddPlot(plot);
        image.SavePng(path, width * plots.Count, height);
    }
}

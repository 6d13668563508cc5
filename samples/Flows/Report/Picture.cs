using ScottPlot;
using ScottPlot.MultiplotLayouts;

namespace Flows.Report;

/// <summary>Panels side by side, saved as one image.</summary>
internal static class Picture
{
    private const string Font = "DejaVu Sans";
    private const int Size = 400;

    // Its own font, because a machine without any would leave out the titles.
    static Picture() => Fonts.AddFontFile(Font, Path.Combine(AppContext.BaseDirectory, "fonts", "DejaVuSans.ttf"));

    /// <summary>A panel without axes.</summary>
    public static Plot Panel(string title)
    {
        var plot = new Plot();
        plot.Title(title, size: 16);
        plot.Font.Set(Font);
        foreach (var axis in new IAxis[] { plot.Axes.Left, plot.Axes.Right, plot.Axes.Bottom, plot.Axes.Top })
            axis.IsVisible = false;
        plot.HideGrid();
        return plot;
    }

    public static void Save(string path, params Plot[] panels)
    {
        var image = new Multiplot { Layout = new Columns() };
        image.RemovePlot(image.GetPlots()[0]);
        foreach (var panel in panels)
            image.AddPlot(panel);
        image.SavePng(path, Size * panels.Length, Size);
    }

    /// <summary>Numbers from 0 to 1 as shades, the first row on top.</summary>
    public static void AddShades(Plot panel, double[,] shades, IColormap colours)
    {
        var map = panel.Add.Heatmap(shades);
        map.Colormap = colours;
        map.ManualRange = new(0, 1);
    }
}

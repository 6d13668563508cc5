using ScottPlot;
using ScottPlot.MultiplotLayouts;

namespace Pictures;

/// <summary>Plots side by side, saved as one image.</summary>
internal sealed class Panels
{
    private const string Font = "DejaVu Sans";
    private const int Size = 300;

    private readonly List<Plot> _plots = [];

    // Its own font, because a machine without any would leave out the labels.
    static Panels() => Fonts.AddFontFile(Font, Path.Combine(AppContext.BaseDirectory, "fonts", "DejaVuSans.ttf"));

    /// <summary>A new plot to the right of the others.</summary>
    public Plot Add(string title)
    {
        var plot = new Plot();
        plot.Title(title, size: 14);
        plot.Font.Set(Font);
        _plots.Add(plot);
        return plot;
    }

    /// <summary>A new plot without axes, of which the title stays.</summary>
    public Plot AddBare(string title)
    {
        var plot = Add(title);
        foreach (var axis in new IAxis[] { plot.Axes.Left, plot.Axes.Right, plot.Axes.Bottom, plot.Axes.Top })
            axis.IsVisible = false;
        plot.HideGrid();
        return plot;
    }

    /// <summary>The same of a plane in which both directions have one unit.</summary>
    public Plot AddPlane(string title, double reach)
    {
        var plot = AddBare(title);
        plot.Axes.SetLimits(-reach, reach, -reach, reach);
        plot.Axes.SquareUnits();
        return plot;
    }

    public void Save(string path)
    {
        var image = new Multiplot { Layout = new Columns() };
        image.RemovePlot(image.GetPlots()[0]);
        foreach (var plot in _plots)
            image.AddPlot(plot);
        image.SavePng(path, Size * _plots.Count, Size);
    }
}

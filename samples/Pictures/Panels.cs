using Samples.Report;
using ScottPlot;

namespace Pictures;

/// <summary>Plots side by side, saved as one image.</summary>
internal sealed class Panels
{
    private const int Size = 300;

    private readonly List<Plot> _plots = [];

    /// <summary>A new plot to the right of the others.</summary>
    public Plot Add(string title)
    {
        var plot = Picture.Panel(title, titleSize: 14);
        _plots.Add(plot);
        return plot;
    }

    /// <summary>A new plot without axes, of which the title stays.</summary>
    public Plot AddBare(string title) => Add(title).WithoutAxes();

    /// <summary>The same of a plane in which both directions have one unit.</summary>
    public Plot AddPlane(string title, double reach)
    {
        var plot = AddBare(title);
        plot.Axes.SetLimits(-reach, reach, -reach, reach);
        plot.Axes.SquareUnits();
        return plot;
    }

    public void Save(string path) => Picture.Save(path, Size, Size, _plots);
}

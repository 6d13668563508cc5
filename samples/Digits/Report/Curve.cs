using Digits.Model;

namespace Digits.Report;

/// <summary>One number for each epoch.</summary>
public sealed record Curve(KernelMap Map, IReadOnlyList<double> Values)
{
    // Okabe and Ito's colours, which colour-blind people can tell apart.
    private static readonly string[] Colours = ["#0072b2", "#d55e00", "#009e73", "#8c8c8c"];

    /// <summary>The map's own, in whatever company it is shown.</summary>
    public string Colour => Colours[KernelMap.All.ToList().IndexOf(Map)];
}

using ScottPlot;

namespace Showcase.Experiments;

/// <summary>What an experiment has found.</summary>
/// <param name="Columns">The head of the table.</param>
/// <param name="Rows">The table: the constraint, and its twins.</param>
/// <param name="Bought">What the constraint has bought, as measured.</param>
/// <param name="Goals">What should be reached at the usual setting.</param>
/// <param name="Plots">The picture, from left to right.</param>
internal sealed record Outcome(
    IReadOnlyList<string> Columns,
    IReadOnlyList<string[]> Rows,
    string Bought,
    IReadOnlyList<Goal> Goals,
    IReadOnlyList<Plot> Plots
);

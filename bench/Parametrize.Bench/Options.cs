namespace Parametrize.Bench;

/// <summary>What the program is asked for.</summary>
/// <param name="Tables">The names of the tables.</param>
/// <param name="Sizes">Of the square matrices of the maps.</param>
/// <param name="Threads">With how many threads libtorch computes.</param>
/// <param name="Device">Where the maps are computed.</param>
/// <param name="Csv">Where the figures go; null for nowhere.</param>
/// <param name="Plot">Where the picture of time against n goes; null for nowhere.</param>
/// <param name="Compare">The figures of an earlier run; null for none.</param>
internal sealed record Options(
    IReadOnlyList<string> Tables,
    IReadOnlyList<int> Sizes,
    int Threads,
    string Device,
    FileInfo? Csv,
    FileInfo? Plot,
    FileInfo? Compare
);

namespace Parametrize.Bench.Results;

/// <summary>Which of two figures is the better one.</summary>
internal enum Better
{
    Neither,
    Smaller,
    Larger,
}

/// <summary>A column of a table. Text stands for one that is not compared with another run.</summary>
internal sealed record Column(string Header, Better Better = Better.Neither)
{
    public static implicit operator Column(string header) => new(header);

    /// <summary>A ratio that machines have in common, such as ours / PyTorch's.</summary>
    public static Column Smaller(string header) => new(header, Better.Smaller);

    /// <summary>A ratio that machines have in common, such as times faster.</summary>
    public static Column Larger(string header) => new(header, Better.Larger);
}

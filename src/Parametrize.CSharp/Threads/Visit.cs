namespace Parametrize.CSharp.Threads;

/// <summary>That a thread uses a parametrized tensor now: a forward pass, or a moment of reading or writing.</summary>
internal sealed class Visit(Visitor visitor, bool isAlone, long began)
{
    /// <summary>How long others wait for a pass that may have thrown, in milliseconds.</summary>
    private const int Patience = 100;

    /// <summary>How long it counts that a pass may still go on after others have given it up.</summary>
    private const int Memory = 10_000;

    private long _doubtedAt;

    public Visitor Visitor => visitor;

    /// <summary>When it began, in visits.</summary>
    public long Began => began;

    /// <summary>Whether other threads have to wait.</summary>
    public bool IsAlone { get; set; } = isAlone;

    /// <summary>The forward pass, which TorchSharp does not end when it throws; null for what ends in any case.</summary>
    public object? Pass { get; set; }

    /// <summary>Whose pass it is.</summary>
    public object? Caller { get; set; }

    /// <summary>How many passes of the same caller go on inside this one: its forward pass calls itself.</summary>
    public int Depth { get; set; }

    /// <summary>Whether the thread has thrown an exception since, perhaps out of the pass.</summary>
    public bool IsDoubted => Volatile.Read(ref _doubtedAt) != 0;

    /// <summary>Whether nobody has to wait for it any longer.</summary>
    public bool IsOver => visitor.IsGone || HasBeenDoubted(Patience);

    /// <summary>Whether it is certain that it uses nothing any longer.</summary>
    public bool IsForgotten => visitor.IsGone || HasBeenDoubted(Memory);

    public void Doubt() => Volatile.Write(ref _doubtedAt, Environment.TickCount64);

    private bool HasBeenDoubted(int time) =>
        IsDoubted && Environment.TickCount64 - Volatile.Read(ref _doubtedAt) > time;
}

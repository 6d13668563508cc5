using Parametrize.CSharp.Torch;

namespace Parametrize.CSharp.Threads;

/// <summary>A thread that uses parametrized tensors.</summary>
/// <remarks>
/// TorchSharp runs no hook after a forward pass that throws, so the pass seems to go on. A pass during which its thread
/// has thrown nothing does go on; any other is doubted, and others wait for it only a moment.
/// </remarks>
internal sealed class Visitor
{
    [ThreadStatic]
    private static Visitor? _current;

    private readonly Thread _thread = Thread.CurrentThread;

    /// <summary>Those that are not doubted. Used by the thread itself.</summary>
    private readonly List<Visit> _visits = [];

    static Visitor() => AppDomain.CurrentDomain.FirstChanceException += (_, _) => _current?.DoubtPasses();

    public static Visitor Current => _current ??= new();

    public bool IsGone => !_thread.IsAlive;

    /// <summary>Whether others may be waiting for it, so that it must not queue behind them.</summary>
    public bool IsInside => _visits.Count > 0;

    /// <summary>What it waits for.</summary>
    public AccessRequest? Waiting { get; set; }

    public void Add(Visit visit) => _visits.Add(visit);

    public void Remove(Visit visit)
    {
        if (_visits.LastIndexOf(visit) is >= 0 and var index)
            _visits.RemoveAt(index);
    }

    /// <summary>Nobody is to wait for it for long.</summary>
    public void DoubtPass(Visit visit)
    {
        visit.Doubt();
        Remove(visit);
    }

    private void DoubtPasses()
    {
        for (var index = _visits.Count - 1; index >= 0; index--)
            if (_visits[index].Pass is not null)
            {
                _visits[index].Doubt();
                _visits.RemoveAt(index);
            }
    }
}

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

    /// <summary>Whether a setter is between disposing what is in the field and registering another.</summary>
    public bool IsOfSetter { get; set; }

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

/// <summary>A moment of use.</summary>
internal readonly struct Lease(TensorAccess access, Visit visit) : IDisposable
{
    public void Dispose() => access.End(visit);
}

/// <summary>The same of several tensors.</summary>
internal sealed class Leases(Lease[] leases) : IDisposable
{
    public void Dispose() => Every.FromTheLast<Lease>(leases, lease => lease.Dispose());
}

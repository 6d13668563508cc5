namespace Parametrize.CSharp.Threads;

/// <summary>What is known of one thread: its open accesses, and the request for which it waits.</summary>
/// <remarks>
/// TorchSharp runs no hook after a forward pass that throws, so nobody reports its end. As long as its thread raises no
/// exception, a pass is certainly going on. After an exception the pass is suspect: it may have ended, and other threads wait for
/// it for 100 ms only.
/// </remarks>
internal sealed class Visitor
{
    [ThreadStatic]
    private static Visitor? _current;

    private readonly Thread _thread = Thread.CurrentThread;

    /// <summary>The visits that are not suspect. Only the thread itself uses this list.</summary>
    private readonly List<Visit> _visits = [];

    static Visitor() => AppDomain.CurrentDomain.FirstChanceException += (_, _) => _current?.SuspectPasses();

    public static Visitor Current => _current ??= new();

    public bool IsGone => !_thread.IsAlive;

    /// <summary>Whether other threads may be waiting for this thread, so that it must not queue behind them.</summary>
    public bool IsInside => _visits.Count > 0;

    /// <summary>The request for which the thread waits; null when it does not wait.</summary>
    public AccessRequest? Waiting { get; set; }

    public void Add(Visit visit) => _visits.Add(visit);

    public void Remove(Visit visit)
    {
        if (_visits.LastIndexOf(visit) is >= 0 and var index)
            _visits.RemoveAt(index);
    }

    /// <summary>Makes the pass suspect, so that other threads wait for it for a limited time only (`Visit.IsOver`).</summary>
    public void SuspectPass(Visit visit)
    {
        visit.Suspect();
        Remove(visit);
    }

    private void SuspectPasses()
    {
        for (var index = _visits.Count - 1; index >= 0; index--)
            if (_visits[index].Pass is not null)
            {
                _visits[index].Suspect();
                _visits.RemoveAt(index);
            }
    }
}

/// <summary>One access of a thread to a parametrized tensor: a forward pass, or a moment of reading or writing.</summary>
internal sealed class Visit(Visitor visitor, bool isAlone, long began)
{
    /// <summary>How long others wait for a pass that may have thrown, in milliseconds.</summary>
    private const int WaitForSuspect = 100;

    /// <summary>
    /// How long others wait for a setter, which may register nothing, in milliseconds: its thread may just not be running.
    /// </summary>
    private const int WaitForSetter = 1_000;

    /// <summary>How long an abandoned pass counts as one that may still be computing, in milliseconds.</summary>
    private const int Memory = 10_000;

    private long _suspectAt;

    public Visitor Visitor => visitor;

    /// <summary>When the access began, by the clock of `TensorAccess.Now`.</summary>
    public long Began => began;

    /// <summary>Whether the access is exclusive: other threads have to wait.</summary>
    public bool IsAlone { get; set; } = isAlone;

    /// <summary>
    /// The key of the forward pass; null for any other access. TorchSharp does not report the end of a pass that throws.
    /// </summary>
    public object? Pass { get; set; }

    /// <summary>The hooks of the module whose `call` began the pass.</summary>
    public object? Caller { get; set; }

    /// <summary>
    /// Whether this access is that of a property setter, between disposing the old tensor and registering the new one.
    /// </summary>
    public bool IsOfSetter { get; set; }

    /// <summary>How many passes of the same caller are nested in this one: its forward pass calls itself.</summary>
    public int Depth { get; set; }

    /// <summary>Whether the thread has thrown an exception since the pass began; it may have ended the pass.</summary>
    public bool IsSuspect => Volatile.Read(ref _suspectAt) != 0;

    /// <summary>
    /// Whether other threads need not wait for the pass any longer: its thread has ended, or it became suspect 100 ms ago, or 1 s if
    /// it is that of a setter.
    /// </summary>
    public bool IsOver => visitor.IsGone || HasBeenSuspect(IsOfSetter ? WaitForSetter : WaitForSuspect);

    /// <summary>Whether the pass is assumed to have ended: its thread has ended, or it became suspect 10 s ago.</summary>
    public bool IsAssumedEnded => visitor.IsGone || HasBeenSuspect(Memory);

    public void Suspect() => Volatile.Write(ref _suspectAt, Environment.TickCount64);

    private bool HasBeenSuspect(int time) =>
        IsSuspect && Environment.TickCount64 - Volatile.Read(ref _suspectAt) > time;
}

/// <summary>Ends an access when it is disposed.</summary>
internal readonly struct Lease(TensorAccess access, Visit visit) : IDisposable
{
    public void Dispose() => access.End(visit);
}

/// <summary>Ends the accesses to several tensors when it is disposed.</summary>
internal sealed class Leases(Lease[] leases) : IDisposable
{
    public void Dispose() => Every.FromTheLast<Lease>(leases, lease => lease.Dispose());
}

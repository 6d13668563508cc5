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

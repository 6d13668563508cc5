namespace Parametrize.CSharp.Threads;

/// <summary>
/// Who may use a parametrized tensor: any number of threads that read it, or one alone, which computes outside a cached
/// scope or writes. Others wait. A thread never waits for itself, and is let in again where it is.
/// </summary>
/// <remarks>
/// Threads are let in as they have come, except those that are in a forward pass already: others may be waiting for
/// these. Whoever would wait for a thread that waits for him is refused, as is who waits while nothing happens.
/// </remarks>
internal sealed class TensorAccess(Func<string?> name)
{
    private const int Glance = 50;
    private const int Forever = 60_000;

    /// <summary>Held for some nanoseconds at a time, while nothing else is called.</summary>
    private static readonly object Gate = new();

    private static long _clock;
    private static long _made;
    private static int _waiting;

    private readonly List<Visit> _visits = [];

    /// <summary>Those that others have given up, though they may go on.</summary>
    private readonly List<Visit> _lost = [];

    private Action? _whenFree;

    public string Name => name() ?? "A parametrized tensor";

    /// <summary>How many were made before it.</summary>
    public long Number { get; } = Interlocked.Increment(ref _made);

    public List<AccessRequest> Queue { get; } = [];

    public long Changes { get; private set; }

    /// <summary>Whether a pass may go on that others have given up: what it may use is left to the garbage collector.</summary>
    public bool HasStragglers
    {
        get
        {
            if (_lost.Count == 0)
                return false;
            lock (Gate)
            {
                _lost.RemoveAll(visit => visit.IsForgotten);
                return _lost.Count > 0;
            }
        }
    }

    /// <summary>Whether the present thread is in a pass.</summary>
    public bool IsInPass => HasPass(visit => !visit.IsDoubted);

    /// <summary>The same, where a pass counts in which an exception was thrown lately, and perhaps caught.</summary>
    public bool MayBeInPass => HasPass(visit => !visit.IsOver);

    /// <summary>Whether the present thread may be in another pass of the same module, around this one of its passes.</summary>
    public bool HasOther(Visit visit) =>
        _visits.Count > 1 && HasPass(one => one != visit && one.Pass == visit.Pass && !one.IsOver);

    /// <summary>For a moment of reading.</summary>
    public Lease Reading() => new(this, Begin(isAlone: false));

    /// <summary>For a moment of writing.</summary>
    public Lease Writing() => new(this, Begin(isAlone: true));

    /// <summary>For a moment of writing to all of these.</summary>
    public static Leases WritingAll(IEnumerable<TensorAccess> tensors)
    {
        TensorAccess[] all = [.. tensors.Distinct()];
        var visitor = Visitor.Current;
        lock (Gate)
        {
            Await(new(visitor, all, isAlone: true));
            return new([.. all.Select(access => new Lease(access, access.Add(visitor, isAlone: true)))]);
        }
    }

    /// <summary>The same of those that are found when no other thread can change any more which these are.</summary>
    public static Leases WritingAll(Func<IReadOnlyList<TensorAccess>> find)
    {
        for (var wanted = find(); ; )
        {
            var leases = WritingAll(wanted);
            try
            {
                var found = find();
                if (!found.Except(wanted).Any())
                    return leases;
                wanted = found;
            }
            catch
            {
                leases.Dispose();
                throw;
            }
            leases.Dispose();
        }
    }

    /// <summary>Lets the thread in, when it may be.</summary>
    public Visit Begin(bool isAlone)
    {
        var visitor = Visitor.Current;
        lock (Gate)
        {
            if (!IsFree(visitor, isAlone))
                Await(new(visitor, [this], isAlone));
            return Add(visitor, isAlone);
        }
    }

    /// <summary>Lets the thread in alone if no other is there, those aside whose passes may have thrown.</summary>
    /// <param name="whenFree">Done by the last that leaves, if another is there: the latest of those that were left so.</param>
    public Visit? TryBeginAlone(Action? whenFree = null)
    {
        var visitor = Visitor.Current;
        lock (Gate)
        {
            Lose(visit => visit.Visitor != visitor && visit.IsDoubted && (!visit.IsOfSetter || visit.IsOver));
            if (!InTheWay(visitor, isAlone: true).Any())
                return Add(visitor, isAlone: true);
            _whenFree = whenFree ?? _whenFree;
            return null;
        }
    }

    /// <summary>Lets the thread in alone when it may be; null where another waits for this thread, who goes on so.</summary>
    public Visit? BeginAloneUnlessStuck()
    {
        var visitor = Visitor.Current;
        lock (Gate)
            return Await(new(visitor, [this], isAlone: true, givesWay: true)) ? Add(visitor, isAlone: true) : null;
    }

    /// <summary>Makes the visit one without others, if it is.</summary>
    public bool TryStayAlone(Visit visit)
    {
        lock (Gate)
            return visit.IsAlone = visit.IsAlone || !InTheWay(visit.Visitor, isAlone: true).Any();
    }

    /// <summary>Lets other readers in.</summary>
    public void Share(Visit visit)
    {
        lock (Gate)
        {
            visit.IsAlone = false;
            Wake();
        }
    }

    /// <summary>
    /// The visit becomes a pass, of which it is not certain that it will be ended. Forgets one that was not: of the same caller, or
    /// some time ago.
    /// </summary>
    public void BeginPass(Visit visit, object pass, object? caller = null)
    {
        (visit.Pass, visit.Caller) = (pass, caller);
        if (_visits.Count == 1)
            return;
        lock (Gate)
            _visits.RemoveAll(one =>
                one.IsDoubted
                && one.Pass == pass
                && one.Visitor == visit.Visitor
                && (one.Caller == caller || one.IsOver)
            );
    }

    /// <summary>The pass of the present thread; null when others have given it up.</summary>
    public Visit? Find(object pass)
    {
        if (_visits.Count == 0)
            return null; // What the present thread has begun it sees without the lock.
        var visitor = Visitor.Current;
        lock (Gate)
        {
            for (var index = _visits.Count - 1; index >= 0; index--)
                if (_visits[index].Pass == pass && _visits[index].Visitor == visitor)
                    return _visits[index];
            return null;
        }
    }

    public void End(Visit visit)
    {
        Action? whenFree = null;
        lock (Gate)
        {
            visit.Visitor.Remove(visit);
            _visits.Remove(visit);
            if (_visits.Count == 0)
                (whenFree, _whenFree) = (_whenFree, null);
            Wake();
        }
        whenFree?.Invoke();
    }

    /// <summary>Whether the thread is in another visit.</summary>
    public bool IsNested(Visit visit)
    {
        lock (Gate)
            return _visits.Exists(other => other != visit && other.Visitor == visit.Visitor);
    }

    /// <summary>A moment such as visits begin at.</summary>
    public static long Now() => Interlocked.Increment(ref _clock);

    /// <summary>Whether a visit other than this, if any, has begun before that moment.</summary>
    public bool WasInUse(long moment, Visit? except)
    {
        lock (Gate)
        {
            Lose(visit => visit.IsOver);
            return _visits.Exists(visit =>
                visit != except && visit.Began < moment && !(visit.IsDoubted && visit.Visitor == Visitor.Current)
            );
        }
    }

    /// <summary>Whether a thread would be let in now, by its place in the queue. For requests, as what follows.</summary>
    public bool IsFree(Visitor visitor, bool isAlone, AccessRequest? request = null)
    {
        foreach (var visit in _visits)
            if (visit.Visitor != visitor && (isAlone || visit.IsAlone))
            {
                Lose(one => one.Visitor != visitor && one.IsOver);
                if (InTheWay(visitor, isAlone).Any())
                    return false;
                break;
            }
        if (Queue.Count == 0 || visitor.IsInside)
            return true;
        foreach (var earlier in Queue)
            if (earlier == request)
                break;
            else if (isAlone || earlier.IsAlone)
                return false;
        return true;
    }

    /// <summary>For which the thread has to wait.</summary>
    public IEnumerable<Visit> InTheWay(Visitor visitor, bool isAlone) =>
        _visits.Where(visit => visit.Visitor != visitor && (isAlone || visit.IsAlone));

    /// <returns>False when the request gives way.</returns>
    private static bool Await(AccessRequest request)
    {
        if (request.IsFree)
            return true;
        request.Queue();
        _waiting++;
        try
        {
            var (changes, since) = (request.Changes, Environment.TickCount64);
            while (!request.IsFree)
            {
                if (request.IsStuck && request.GivesWay)
                    return false;
                if (request.IsStuck)
                    throw request.Refusal(
                        "by another thread, which waits for this one. Write to parametrized tensors outside forward passes."
                    );
                Monitor.Wait(Gate, Glance);
                if (changes != request.Changes)
                    (changes, since) = (request.Changes, Environment.TickCount64);
                else if (Environment.TickCount64 - since > Forever)
                    throw request.Refusal($"by a forward pass of another thread for more than {Forever / 1000} s.");
            }
            return true;
        }
        finally
        {
            _waiting--;
            request.Leave();
            Monitor.PulseAll(Gate);
        }
    }

    private bool HasPass(Predicate<Visit> isMeant)
    {
        var visitor = Visitor.Current;
        lock (Gate)
            return _visits.Exists(visit => visit.Visitor == visitor && visit.Pass is not null && isMeant(visit));
    }

    private Visit Add(Visitor visitor, bool isAlone)
    {
        Changes++;
        var visit = new Visit(visitor, isAlone, Now());
        _visits.Add(visit);
        visitor.Add(visit);
        return visit;
    }

    private void Wake()
    {
        Changes++;
        if (_waiting > 0)
            Monitor.PulseAll(Gate);
    }

    private void Lose(Predicate<Visit> isOver)
    {
        for (var index = _visits.Count - 1; index >= 0; index--)
            if (isOver(_visits[index]))
            {
                if (!_visits[index].Visitor.IsGone)
                    _lost.Add(_visits[index]);
                _visits.RemoveAt(index);
            }
    }
}

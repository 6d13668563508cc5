namespace Parametrize.CSharp.Threads;

/// <summary>
/// A reentrant readers-writer lock of one parametrized tensor. Access is shared (reading, passes in a cached scope) or exclusive
/// (writing, passes outside a cached scope). Other threads wait; a thread never waits for itself.
/// </summary>
/// <remarks>
/// First come, first served, except for a thread that is already in a forward pass: other threads may be waiting for that pass to
/// end. A wait that would close a cycle of waiting threads throws; so does a wait of 60 seconds during which no access begins or
/// ends.
/// </remarks>
internal sealed class TensorAccess(Func<string?> name)
{
    private const int CheckEvery = 50;
    private const int LongestWait = 60_000;

    /// <summary>The lock for the state of all accesses. It is held for short moments, in which no code of users runs.</summary>
    private static readonly object Gate = new();

    private static long _clock;
    private static long _created;
    private static int _waiting;

    private readonly List<Visit> _visits = [];

    /// <summary>Abandoned passes: other threads stopped waiting for them, but their threads may still be computing.</summary>
    private readonly List<Visit> _abandoned = [];

    private Action? _whenFree;

    public string Name => name() ?? "A parametrized tensor";

    /// <summary>
    /// A serial number. Every pass enters its tensors in this order, so that two passes cannot wait for each other.
    /// </summary>
    public long Number { get; } = Interlocked.Increment(ref _created);

    public List<AccessRequest> Queue { get; } = [];

    public long Changes { get; private set; }

    /// <summary>
    /// Whether an abandoned pass may still be computing. Tensors that it may read are then left to the garbage collector.
    /// </summary>
    public bool HasAbandonedPasses
    {
        get
        {
            if (_abandoned.Count == 0)
                return false;
            lock (Gate)
            {
                _abandoned.RemoveAll(visit => visit.IsAssumedEnded);
                return _abandoned.Count > 0;
            }
        }
    }

    /// <summary>Whether the present thread is in a pass that is not suspect.</summary>
    public bool IsInPass => HasPass(visit => !visit.IsSuspect);

    /// <summary>
    /// Like `IsInPass`, but also true for a pass whose thread has thrown an exception in the last 100 ms: the exception may have
    /// been caught inside.
    /// </summary>
    public bool MayBeInPass => HasPass(visit => !visit.IsOver);

    /// <summary>Whether the present thread may be in another pass of the same module, which encloses this pass.</summary>
    public bool HasOther(Visit visit) => _visits.Count > 1 && HasOtherOf(visit);

    /// <summary>Gets shared access until the lease is disposed.</summary>
    public Lease Reading() => new(this, Begin(isAlone: false));

    /// <summary>Gets exclusive access until the lease is disposed.</summary>
    public Lease Writing() => new(this, Begin(isAlone: true));

    /// <summary>Gets exclusive access to all of these tensors at once, until the leases are disposed.</summary>
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

    /// <summary>
    /// Gets exclusive access to the tensors that `find` returns. Calls `find` again once it has access, and starts over when that
    /// returns other tensors.
    /// </summary>
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

    /// <summary>Waits for access.</summary>
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

    /// <summary>Gets shared access if no thread has or awaits exclusive access. Null otherwise.</summary>
    public Visit? TryBegin()
    {
        var visitor = Visitor.Current;
        lock (Gate)
            return IsFree(visitor, isAlone: false) ? Add(visitor, isAlone: false) : null;
    }

    /// <summary>
    /// Gets exclusive access if no other thread has access; passes that may have thrown do not count. Null otherwise.
    /// </summary>
    /// <param name="whenFree">
    /// When the result is null, the thread that leaves last runs this action. Only the newest such action is kept.
    /// </param>
    public Visit? TryBeginAlone(Action? whenFree = null)
    {
        var visitor = Visitor.Current;
        lock (Gate)
        {
            Abandon(visit => visit.Visitor != visitor && visit.IsSuspect && (!visit.IsOfSetter || visit.IsOver));
            if (!InTheWay(visitor, isAlone: true).Any())
                return Add(visitor, isAlone: true);
            _whenFree = whenFree ?? _whenFree;
            return null;
        }
    }

    /// <summary>Waits for exclusive access. Returns null instead of closing a cycle of waiting threads.</summary>
    public Visit? BeginAloneUnlessStuck()
    {
        var visitor = Visitor.Current;
        lock (Gate)
            return Await(new(visitor, [this], isAlone: true, givesUp: true)) ? Add(visitor, isAlone: true) : null;
    }

    /// <summary>Makes the access exclusive if no other thread has access now, and tells whether it is exclusive.</summary>
    public bool TryStayAlone(Visit visit)
    {
        lock (Gate)
            return visit.IsAlone = visit.IsAlone || !InTheWay(visit.Visitor, isAlone: true).Any();
    }

    /// <summary>Makes the access shared, so that other readers come in.</summary>
    public void Share(Visit visit)
    {
        lock (Gate)
        {
            visit.IsAlone = false;
            Wake();
        }
    }

    /// <summary>
    /// Marks the visit as a forward pass. TorchSharp does not tell the end of a pass that throws, so this also removes suspect
    /// passes of the same module and thread: those of the same caller, and those that became suspect more than 100 ms ago.
    /// </summary>
    public void BeginPass(Visit visit, object pass, object? caller = null)
    {
        (visit.Pass, visit.Caller) = (pass, caller);
        if (_visits.Count > 1)
            RemoveThrown(visit.Visitor, pass, caller);
    }

    /// <summary>
    /// Called before a pass begins. While others wait, it gives up passes of this thread for the same key and caller that have
    /// thrown. A thread whose passes throw again and again would otherwise begin each of them ahead of all who wait.
    /// </summary>
    public void GiveUpThrown(object pass, object caller)
    {
        if (_visits.Count > 0) // A thread sees its own visits without the lock.
            AbandonThrown(Visitor.Current, pass, caller);
    }

    // C# allocates the closure of a lambda at the beginning of its method. So these lambdas are in methods of their own, which
    // most passes do not call.

    private bool HasOtherOf(Visit visit) =>
        HasPass(other => other != visit && other.Pass == visit.Pass && !other.IsOver);

    private void RemoveThrown(Visitor visitor, object pass, object? caller)
    {
        lock (Gate)
            _visits.RemoveAll(visit => HasThrown(visit, visitor, pass, caller));
    }

    private void AbandonThrown(Visitor visitor, object pass, object caller)
    {
        lock (Gate)
            if (Queue.Count > 0)
            {
                Abandon(visit => HasThrown(visit, visitor, pass, caller));
                Wake();
            }
    }

    /// <summary>
    /// Whether it is a pass that has thrown, of this thread and key: of the same caller, or one that became suspect more than
    /// 100 ms ago.
    /// </summary>
    private static bool HasThrown(Visit visit, Visitor visitor, object pass, object? caller) =>
        visit.IsSuspect && visit.Pass == pass && visit.Visitor == visitor && (visit.Caller == caller || visit.IsOver);

    /// <summary>
    /// The latest pass of the present thread for this key; null when there is none, or when others have abandoned it.
    /// </summary>
    public Visit? Find(object pass)
    {
        if (_visits.Count == 0)
            return null; // A thread sees its own visits without the lock.
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

    /// <summary>Whether the thread of the visit has another visit to this tensor.</summary>
    public bool IsNested(Visit visit)
    {
        lock (Gate)
            return _visits.Exists(other => other != visit && other.Visitor == visit.Visitor);
    }

    /// <summary>The next moment of the clock by which visits are dated.</summary>
    public static long Now() => Interlocked.Increment(ref _clock);

    /// <summary>Whether a visit that began before that moment still lasts, apart from `except`.</summary>
    public bool WasInUse(long moment, Visit? except)
    {
        lock (Gate)
        {
            Abandon(visit => visit.IsOver);
            return _visits.Exists(visit =>
                visit != except && visit.Began < moment && !(visit.IsSuspect && visit.Visitor == Visitor.Current)
            );
        }
    }

    /// <summary>Whether a thread would get access now, by its place in the queue. The caller has locked `Gate`.</summary>
    public bool IsFree(Visitor visitor, bool isAlone, AccessRequest? request = null)
    {
        foreach (var visit in _visits)
            if (visit.Visitor != visitor && (isAlone || visit.IsAlone))
            {
                Abandon(other => other.Visitor != visitor && other.IsOver);
                if (InTheWay(visitor, isAlone).Any())
                    return false;
                break;
            }
        // A thread that has visits, also those of a setter or suspect ones, does not queue: the threads in the queue may be
        // waiting for it.
        if (Queue.Count == 0 || visitor.IsInside || _visits.Exists(visit => visit.Visitor == visitor))
            return true;
        foreach (var earlier in Queue)
            if (earlier == request)
                break;
            else if (isAlone || earlier.IsAlone)
                return false;
        return true;
    }

    /// <summary>The visits of other threads for which the thread has to wait.</summary>
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
                if (request.IsDeadlocked && request.GivesUp)
                    return false;
                if (request.IsDeadlocked)
                    throw request.Refusal(
                        "by another thread, and that thread waits for a tensor that this thread holds (a deadlock). "
                            + "Assign to parametrized tensors outside forward passes."
                    );
                Monitor.Wait(Gate, CheckEvery);
                if (changes != request.Changes)
                    (changes, since) = (request.Changes, Environment.TickCount64);
                else if (Environment.TickCount64 - since > LongestWait)
                    throw request.Refusal(
                        $"by another thread, and for {LongestWait / 1000} s no access to it has begun or ended. Wait for the pass of the other "
                            + "thread to end, or write outside of long passes."
                    );
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

    private void Abandon(Predicate<Visit> isOver)
    {
        for (var index = _visits.Count - 1; index >= 0; index--)
            if (isOver(_visits[index]))
            {
                if (!_visits[index].Visitor.IsGone)
                    _abandoned.Add(_visits[index]);
                _visits.RemoveAt(index);
            }
    }
}

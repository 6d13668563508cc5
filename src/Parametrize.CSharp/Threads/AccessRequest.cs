namespace Parametrize.CSharp.Threads;

/// <summary>A request of one thread for access to several tensors at once. While it waits, it holds none of them.</summary>
/// <param name="visitor">The thread.</param>
/// <param name="wanted">The tensors.</param>
/// <param name="isAlone">Whether the access is exclusive.</param>
/// <param name="givesUp">
/// Whether the request is given up, instead of throwing, when it would close a cycle of waiting threads.
/// </param>
internal sealed class AccessRequest(
    Visitor visitor,
    IReadOnlyList<TensorAccess> wanted,
    bool isAlone,
    bool givesUp = false
)
{
    public Visitor Visitor => visitor;

    public bool IsAlone => isAlone;

    public bool GivesUp => givesUp;

    public bool IsFree => wanted.All(access => access.IsFree(visitor, isAlone, this));

    /// <summary>A count that grows whenever an access to one of the tensors begins, ends or becomes shared.</summary>
    public long Changes => wanted.Sum(access => access.Changes);

    /// <summary>
    /// Whether the waiting threads form a cycle through this one. A request that gives way breaks a cycle and is not followed,
    /// unless this request gives way too.
    /// </summary>
    public bool IsDeadlocked => visitor.IsInside && WaitsFor(this, []);

    public void Queue()
    {
        visitor.Waiting = this;
        foreach (var access in wanted)
            access.Queue.Add(this);
    }

    public void Leave()
    {
        visitor.Waiting = null;
        foreach (var access in wanted)
            access.Queue.Remove(this);
    }

    /// <summary>Names the tensor for which the thread has to wait.</summary>
    public InvalidOperationException Refusal(string reason)
    {
        var inUse = wanted.FirstOrDefault(access => access.InTheWay(visitor, isAlone).Any()) ?? wanted[0];
        return new($"{inUse.Name} is in use {reason}");
    }

    private bool WaitsFor(AccessRequest to, HashSet<AccessRequest> seen) =>
        seen.Add(this)
        && wanted
            .SelectMany(access => access.InTheWay(visitor, isAlone))
            .Any(visit =>
                !visit.IsSuspect && (visit.Visitor == to.Visitor || WaitsOnFor(visit.Visitor.Waiting, to, seen))
            );

    private static bool WaitsOnFor(AccessRequest? waiting, AccessRequest to, HashSet<AccessRequest> seen) =>
        waiting is not null && (to.GivesUp || !waiting.GivesUp) && waiting.WaitsFor(to, seen);
}

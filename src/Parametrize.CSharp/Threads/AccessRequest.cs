namespace Parametrize.CSharp.Threads;

/// <summary>A thread that wants to use tensors, all of them at once: what it waits for it does not keep from others.</summary>
/// <param name="visitor">The thread.</param>
/// <param name="wanted">The tensors.</param>
/// <param name="isAlone">Whether no other thread may use them meanwhile.</param>
/// <param name="givesWay">Whether it can do without, where another waits for it.</param>
internal sealed class AccessRequest(
    Visitor visitor,
    IReadOnlyList<TensorAccess> wanted,
    bool isAlone,
    bool givesWay = false
)
{
    public Visitor Visitor => visitor;

    public bool IsAlone => isAlone;

    public bool GivesWay => givesWay;

    public bool IsFree
    {
        get
        {
            foreach (var access in wanted)
                if (!access.IsFree(visitor, isAlone, this))
                    return false;
            return true;
        }
    }

    /// <summary>Grows with whatever happens to the tensors.</summary>
    public long Changes => wanted.Sum(access => access.Changes);

    /// <summary>Whether it waits for a thread that waits for this one. One that will give way does not count, unless this one gives way itself.</summary>
    public bool IsStuck => visitor.IsInside && Leads(this, []);

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

    public InvalidOperationException Refusal(string reason) => new($"{wanted[0].Name} is in use {reason}");

    private bool Leads(AccessRequest to, HashSet<AccessRequest> seen) =>
        seen.Add(this)
        && wanted
            .SelectMany(access => access.InTheWay(visitor, isAlone))
            .Any(visit =>
                !visit.IsDoubted && (visit.Visitor == to.Visitor || LeadsOn(visit.Visitor.Waiting, to, seen))
            );

    private static bool LeadsOn(AccessRequest? waiting, AccessRequest to, HashSet<AccessRequest> seen) =>
        waiting is not null && (to.GivesWay || !waiting.GivesWay) && waiting.Leads(to, seen);
}

namespace Parametrize.CSharp.Threads;

/// <summary>A thread that wants to use tensors, all of them at once: what it waits for it does not keep from others.</summary>
internal sealed class AccessRequest(Visitor visitor, IReadOnlyList<TensorAccess> wanted, bool isAlone)
{
    public Visitor Visitor => visitor;

    public bool IsAlone => isAlone;

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

    /// <summary>Whether it waits for a thread that waits for this one.</summary>
    public bool IsStuck => visitor.IsInside && Leads(to: visitor, []);

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

    private bool Leads(Visitor to, HashSet<AccessRequest> seen) =>
        seen.Add(this)
        && wanted
            .SelectMany(access => access.InTheWay(visitor, isAlone))
            .Any(visit =>
                !visit.IsDoubted && (visit.Visitor == to || (visit.Visitor.Waiting?.Leads(to, seen) ?? false))
            );
}

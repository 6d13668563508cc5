using Parametrize.CSharp.Threads;
using Xunit;

namespace Properties.CSharp.Threads;

/// <summary>A setter that others wait for gets access before them.</summary>
public class SettersGoFirst
{
    [Fact]
    public void A_thread_for_which_others_wait_does_not_queue_behind_them()
    {
        var access = new TensorAccess(() => null);
        // As a setter between disposing and registering: others wait for it for a second.
        var visit = access.Begin(isAlone: true);
        visit.IsOfSetter = true;
        access.BeginPass(visit, new object());
        Visitor.Current.SuspectPass(visit);
        var hasEntered = false;
        var other = new Thread(() =>
        {
            var theirs = access.Begin(isAlone: true);
            Volatile.Write(ref hasEntered, true);
            access.End(theirs);
        });
        other.Start();
        Assert.True(SpinWait.SpinUntil(() => access.Queue.Count > 0, 10_000));
        var again = access.Begin(isAlone: true);
        Assert.False(Volatile.Read(ref hasEntered));
        access.End(again);
        access.End(visit);
        other.Join();
        Assert.True(hasEntered);
    }
}

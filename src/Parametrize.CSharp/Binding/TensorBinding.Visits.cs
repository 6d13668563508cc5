using Parametrize.CSharp.Threads;
using static TorchSharp.torch;

namespace Parametrize.CSharp.Binding;

/// <content>Forward passes, of any number of threads.</content>
internal sealed partial class TensorBinding
{
    /// <summary>A pass begins for which a module needs the value: its own, or one of a module that it is in.</summary>
    public void Enter(ModuleBinding module, PassHooks caller)
    {
        if (!IsFor(module))
            return; // It was disposed.
        var seen = Access.Changes;
        SyncWithModules(takesAssignments: true); // Another thread may remove it and dispose it now, which is seen below.
        if (Access.Find(module) is { IsSuspect: false } outer)
        {
            // The pass around this one has computed it.
            if (outer.Caller == caller)
                outer.Depth++;
            return;
        }
        _tensor.RefreshWritten();
        var visit = Admit(module, seen);
        try
        {
            if (!IsFor(module))
            {
                Access.End(visit); // It was removed while this thread waited.
                return;
            }
            if (!_value.IsHeld)
                module.ShowAlone(_tensor.Evaluate(out _));
            Access.BeginPass(visit, module, caller);
        }
        catch
        {
            Access.End(visit);
            throw;
        }
    }

    /// <summary>The pass has ended.</summary>
    public void Exit(ModuleBinding module, PassHooks caller)
    {
        if (Access.Find(module) is not { } visit || visit.Caller != caller)
            return; // Others have gone on without waiting for it, or the pass around this one goes on.
        if (visit.Depth > 0)
        {
            visit.Depth--;
            return;
        }
        if (!IsFor(module))
        {
            Access.End(visit); // It was removed during the pass.
            return;
        }
        Tensor? updated;
        try
        {
            updated = TakeUpdate(module);
            // A pass around this one that has caught an exception reads the value again.
            if (!Access.HasOther(visit))
                module.HideAlone();
            Settle();
        }
        finally
        {
            Access.End(visit);
        }
        DropUnused();
        using (updated)
            // What stays in the field the next use takes, where others wait for a pass around this one.
            if (updated is not null && BeginAlone(givesWay: _value.IsHeld) is { } alone)
                using (new Lease(Access, alone))
                    _tensor.TakeNearest(updated);
        if (!IsInOrder)
            PutInOrder(takesAssignments: true);
    }

    /// <summary>
    /// Takes what passes that ran no hooks of ours, have thrown, or go on, have written in place into a buffer, as norms do.
    /// Inside its own pass the thread does not wait for those of others, which may be waiting for it: the end of the pass does.
    /// </summary>
    public void TakeUpdates()
    {
        if (!_tensor.IsBuffer || !AreUpdated())
            return;
        if ((Access.IsInPass ? Access.TryBeginAlone() : BeginAlone(givesWay: _value.IsHeld)) is not { } visit)
            return;
        using var alone = new Lease(Access, visit);
        foreach (var module in _modules)
            using (var updated = TakeUpdate(module))
                if (updated is not null)
                    _tensor.TakeNearest(updated);
    }

    private Visit? BeginAlone(bool givesWay) => givesWay ? Access.BeginAloneUnlessStuck() : Access.Begin(isAlone: true);

    private bool IsFor(ModuleBinding module) => Array.IndexOf(_modules, module) >= 0;

    private Tensor? TakeUpdate(ModuleBinding caller)
    {
        if (!_tensor.IsBuffer)
            return null;
        lock (_gate)
            return caller.TakeUpdate();
    }

    /// <summary>What somebody has written to the parts since is later.</summary>
    private bool AreUpdated()
    {
        if (!Array.Exists(_modules, module => module.IsShown))
            return false;
        using var lease = Access.Reading();
        lock (_gate)
            return !_value.IsOutdated && Array.Exists(_modules, module => module.IsUpdated);
    }

    /// <summary>A pass may have written in place into what it computes with, which is not to be in the value of the next.</summary>
    private void Settle()
    {
        if (Array.Exists(_modules, module => module.IsOverwritten))
            lock (_gate)
                _value.Outdate();
        foreach (var module in _modules)
            module.Settle();
    }

    /// <summary>Lets the thread in, with a value that is held; alone and without one outside cached scopes.</summary>
    /// <param name="caller">The module of a pass.</param>
    /// <param name="seen">What had happened to the tensor before the fields were looked at; null where they were not.</param>
    private Visit Admit(ModuleBinding? caller, long? seen = null)
    {
        for (var (mustWrite, canWait) = (false, true); ; )
        {
            var scope = CachedScope.For(this);
            if (BeginVisit(scope, mustWrite) is not { } visit)
            {
                (mustWrite, canWait) = (false, false); // Others wait for a pass around this one, which goes on with what there is.
                continue;
            }
            if (caller is not null && !IsFor(caller))
                return visit; // There is nothing to compute any more.
            bool mustSync;
            try
            {
                // What was assigned since is in the field.
                var isInOrder = Access.Changes == seen + 1 || IsInOrder;
                mustSync = (!isInOrder || IsTouched) && !Access.IsNested(visit);
                // Else its scope has ended, or the value is to be written where others read it.
                if (!mustSync && (Hold(scope, caller, visit, canWait, ref mustWrite) || visit.IsAlone))
                {
                    if (visit.IsAlone && _value.IsHeld)
                        Access.Share(visit);
                    return visit;
                }
            }
            catch
            {
                Access.End(visit);
                throw;
            }
            Access.End(visit);
            if (mustSync)
                PutInOrder(takesAssignments: true);
            seen = Access.Changes;
        }
    }

    private Visit? BeginVisit(CachedScope? scope, bool mustWrite) =>
        mustWrite ? BeginAlone(givesWay: _value.IsHeld) : Access.Begin(isAlone: scope is null && !_value.IsHeld);

    /// <summary>A thread that writes in the middle of its own pass, or moves the module, goes on with the new value.</summary>
    private void ShowInPass()
    {
        // What the pass has assigned itself it reads again.
        foreach (var module in _modules)
            if (Access.Find(module) is { IsOver: false } && !module.IsWaiting)
                UnlessItFails(() => module.ShowAlone(_tensor.Evaluate(out _)));
    }

    /// <summary>Whether somebody has written into what stands for the tensor in a module, or has frozen it there.</summary>
    private bool IsTouched
    {
        get
        {
            foreach (var module in _modules)
                if (module.IsTouched)
                    return true;
            return false;
        }
    }
}

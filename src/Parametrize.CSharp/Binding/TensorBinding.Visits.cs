using Parametrize.CSharp.Threads;

namespace Parametrize.CSharp.Binding;

/// <content>Forward passes, of any number of threads.</content>
internal sealed partial class TensorBinding
{
    /// <summary>
    /// Called when a pass begins that needs the value: a pass of the module itself, or of a module that contains it.
    /// </summary>
    public void Enter(ModuleBinding module, PassHooks caller)
    {
        if (!IsFor(module))
            return; // The tensor was disposed.
        var seen = Access.Changes;
        SyncWithModules(takesAssignments: true); // Another thread may remove and dispose the tensor now; this is checked below.
        if (Access.Find(module) is { IsSuspect: false } outer)
        {
            // The enclosing pass has computed the value.
            if (outer.Caller == caller)
                outer.Depth++;
            return;
        }
        _tensor.RefreshWritten();
        Access.GiveUpThrown(module, caller);
        var visit = Admit(module, seen);
        try
        {
            if (!IsFor(module))
            {
                Access.End(visit); // The tensor was removed while this thread waited.
                return;
            }
            if (!_value.IsHeld)
            {
                module.ShowAlone(_tensor.Evaluate(out _));
                while (module.IsBlocked)
                {
                    PutInOrder(takesAssignments: true);
                    module.ShowAlone(_tensor.Evaluate(out _));
                }
            }
            Access.BeginPass(visit, module, caller);
        }
        catch
        {
            Access.End(visit);
            throw;
        }
    }

    /// <summary>Called when the pass has ended.</summary>
    public void Exit(ModuleBinding module, PassHooks caller)
    {
        if (Access.Find(module) is not { } visit || visit.Caller != caller)
            return; // The pass was abandoned by other threads, or belongs to an enclosing pass, which goes on.
        if (visit.Depth > 0)
        {
            visit.Depth--;
            return;
        }
        if (!IsFor(module))
        {
            Access.End(visit); // The tensor was removed during the pass.
            return;
        }
        Tensor? updated;
        try
        {
            updated = TakeUpdate(module);
            // An enclosing pass that has caught an exception reads the value again.
            if (!Access.HasOther(visit))
                lock (_gate) // Another thread may be about to hold a value for its scope.
                    module.HideAlone();
            Settle();
        }
        finally
        {
            Access.End(visit);
        }
        DropUnused();
        using (updated)
            // If other threads wait for an enclosing pass, the change stays in the field, and the next use takes it.
            if (updated is not null && BeginAlone(givesWay: _value.IsHeld) is { } alone)
                using (new Lease(Access, alone))
                    _tensor.TakeNearest(updated);
        if (!IsInOrder)
            PutInOrder(takesAssignments: true);
    }

    /// <summary>
    /// Writes back what a forward pass has written into a shown buffer (BatchNorm's statistics) when the pass ran without our
    /// hooks, threw, or is still running. A thread inside its own pass does not wait for other passes here; the end of its pass
    /// does.
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

    /// <summary>Whether a pass has changed a shown buffer after the last write to the parts; an older change is ignored.</summary>
    private bool AreUpdated()
    {
        if (!Array.Exists(_modules, module => module.IsShown))
            return false;
        using var lease = Access.Reading();
        lock (_gate)
            return !_value.IsOutdated && Array.Exists(_modules, module => module.IsUpdated);
    }

    /// <summary>
    /// A pass may have written in place into the value that it was given. The next pass gets a newly computed value.
    /// </summary>
    private void Settle()
    {
        if (Array.Exists(_modules, module => module.IsOverwritten))
            lock (_gate)
                _value.Outdate();
        foreach (var module in _modules)
            module.Settle();
    }

    /// <summary>
    /// Waits for access: shared, with a held value, in a cached scope; exclusive, without a value, outside scopes.
    /// </summary>
    /// <param name="caller">The module whose pass begins; null for a read.</param>
    /// <param name="seen">The value of `Access.Changes` when the fields were checked; null when they were not checked.</param>
    private Visit Admit(ModuleBinding? caller, long? seen = null)
    {
        for (var (mustWrite, canWait) = (false, true); ; )
        {
            var scope = CachedScope.For(this);
            if (BeginVisit(scope, mustWrite) is not { } visit)
            {
                (mustWrite, canWait) = (false, false); // Others wait for an enclosing pass of this thread, so it keeps the stale value.
                continue;
            }
            if (caller is not null && !IsFor(caller))
                return visit; // The tensor was removed: there is nothing to compute.
            bool mustSync;
            try
            {
                if (caller is null)
                    _tensor.RequireAlive(); // Another thread may have removed it while this one waited.
                // An assignment that was made since the check is in the field.
                var isInOrder = Access.Changes == seen + 1 || IsInOrder;
                mustSync = (!isInOrder || IsTouched) && !Access.IsNested(visit);
                // Otherwise the scope has ended meanwhile, or the value must be replaced while others read it, which needs
                // exclusive access.
                if (!mustSync && (Hold(scope, caller, visit, canWait, ref mustWrite) || visit.IsAlone))
                {
                    mustSync = IsBlocked && !Access.IsNested(visit);
                    if (visit.IsAlone && _value.IsHeld)
                        Access.Share(visit);
                    if (!mustSync)
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

    /// <summary>
    /// Shows the new value to a pass of this thread that has written to the tensor, or moved the module, in its middle. It has
    /// gradients whatever the mode of the writer is: the rest of the pass goes on with it.
    /// </summary>
    private void ShowInPass()
    {
        using var lasting = Modes.Lasting();
        // A tensor that the pass has assigned stays in the field: the pass reads it there.
        foreach (var module in _modules)
            if (Access.Find(module) is { IsOver: false } && !module.IsWaiting)
                UnlessItFails(() =>
                {
                    lock (_gate)
                        // Another thread may have computed the new value for its scope, and shows it in the field.
                        if (!module.IsHeld)
                            module.ShowAlone(_tensor.Evaluate(out _));
                });
    }

    private bool IsBlocked => Array.Exists(_modules, module => module.IsBlocked);

    /// <summary>
    /// Whether a user has written to the placeholder or the value in a module, changed its `requires_grad`, or assigned null.
    /// </summary>
    private bool IsTouched => Array.Exists(_modules, module => module.IsTouched);

    /// <summary>Whether a use needs nothing done before: no change of a field is pending.</summary>
    private bool IsQuiet => Array.TrueForAll(_modules, module => module.IsInOrder && !module.IsTouched);
}

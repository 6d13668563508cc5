using Parametrize.CSharp.Grouping;
using Parametrize.CSharp.Threads;
using static TorchSharp.torch;

namespace Parametrize.CSharp.Binding;

/// <content>Reading and forward passes, of any number of threads.</content>
internal sealed partial class TensorBinding
{
    /// <summary>A new tensor for a reader: a view of the held one in a cached scope.</summary>
    public Tensor Read()
    {
        SyncWithModules();
        _tensor.RefreshWritten();
        if (CachedScope.For(this) is null)
        {
            using (var lease = _tensor.IsLearning ? Access.Writing() : Access.Reading())
                if (!IsTouched)
                    return _tensor.Evaluate(out _);
            PutInOrder(takesAssignments: true);
            return Read();
        }
        var visit = Admit(caller: null);
        try
        {
            lock (_gate)
                return _value.IsHeld ? _value.Alias() : _tensor.Evaluate(out _);
        }
        finally
        {
            Access.End(visit);
        }
    }

    /// <summary>log |det W| for a reader: computed once with the value in a cached scope.</summary>
    /// <param name="compute">Computes it from the parts, or from the value where that is held.</param>
    public Tensor LogAbsDeterminant(Func<Tensor?, Tensor> compute)
    {
        SyncWithModules();
        _tensor.RefreshWritten();
        if (CachedScope.For(this) is null)
        {
            using var lease = Access.Reading();
            return compute(null);
        }
        var visit = Admit(caller: null);
        try
        {
            lock (_gate)
                return _value.IsHeld ? _value.LogAbsDeterminant(compute) : compute(null);
        }
        finally
        {
            Access.End(visit);
        }
    }

    /// <summary>The value of the cached scope, a new tensor; null outside.</summary>
    public Tensor? ReadIfCached() => CachedScope.For(this) is null ? null : Read();

    IGroupable IUse.Tensor => _tensor;

    bool IUse.IsToCompute => IsToCompute(caller: null);

    /// <summary>Whether there are fields in which the value is shown: one that a module of one's own holds is read.</summary>
    public bool IsInModules => _modules.Length > 0;

    /// <summary>Whether a value that is computed now stays in the fields.</summary>
    public bool IsToKeep => _value.IsHeld || CachedScope.For(this) is not null;

    /// <summary>Whether a use will compute the value, and nothing else has to be done before.</summary>
    public bool IsToCompute(ModuleBinding? caller)
    {
        foreach (var module in _modules)
            if (!module.IsInOrder || module.IsTouched)
                return false;
        if (caller is not null && Access.Find(caller) is { IsDoubted: false })
            return false; // The pass around this one has computed it.
        lock (_gate)
            return !_value.IsHeld || _value.IsOutdated;
    }

    /// <summary>Computes the value once and puts it into all modules until the scope ends.</summary>
    public void Hold()
    {
        _tensor.RequireAlive();
        SyncWithModules(takesAssignments: true);
        _tensor.RefreshWritten();
        Access.End(Admit(caller: null));
    }

    /// <summary>The same for the scope of a model, also where one around it covers the tensor: that may end before.</summary>
    public void Hold(CachedScope scope)
    {
        Hold();
        lock (_gate)
            if (!_scopes.Contains(scope) && scope.Add(this))
                _scopes.Add(scope);
    }

    /// <summary>
    /// The same for a scope that has not named the tensor: unless something is to be said of it, or changed by computing it, or
    /// others use it, which its first use does.
    /// </summary>
    public void TryHold()
    {
        if (!_tensor.IsPure || Access.IsInPass)
            return;
        // What stands in native memory no field shows, and a graph may need what is there.
        if (IsNative || Access.TryBeginAlone() is not { } visit)
            return;
        var isInOrder = Array.TrueForAll(_modules, module => module.IsInOrder && !module.IsTouched);
        Access.End(visit);
        if (isInOrder)
            HoldUnlessItFails();
    }

    /// <summary>Shows the value again, after it was dropped, where a scope for a model lasts.</summary>
    public void ShowAgain()
    {
        if (Access.MayBeInPass)
            ShowInPass();
        if (Access.IsInPass)
            return;
        // What waits for the next use stays where it is.
        if (_scopes.Count == 0 || Array.Exists(_modules, module => module.IsWaiting))
            return;
        bool isMeantToShow;
        lock (_gate)
            isMeantToShow = _scopes.Any(scope => scope.IsOfModel);
        if (isMeantToShow)
            HoldUnlessItFails();
    }

    /// <summary>A pass begins for which a module needs the value: its own, or one of a module that it is in.</summary>
    public void Enter(ModuleBinding module, PassHooks caller)
    {
        if (!IsFor(module))
            return; // It was disposed.
        SyncWithModules(takesAssignments: true); // Another thread may remove it and dispose it now, which is seen below.
        if (Access.Find(module) is { IsDoubted: false } outer)
        {
            // The pass around this one has computed it.
            if (outer.Caller == caller)
                outer.Depth++;
            return;
        }
        _tensor.RefreshWritten();
        var visit = Admit(module);
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
            if (updated is not null)
                _tensor.TakeNearest(updated);
        if (!module.IsInOrder)
            PutInOrder(takesAssignments: true);
    }

    /// <summary>The scope has ended.</summary>
    public void Release(CachedScope scope)
    {
        TakeUpdates();
        lock (_gate)
            _scopes.Remove(scope);
        DropUnused();
    }

    /// <summary>
    /// Takes what passes that ran no hooks of ours, have thrown, or go on, have written in place into a buffer, as norms do.
    /// </summary>
    public void TakeUpdates()
    {
        if (!_tensor.IsBuffer || !AreUpdated())
            return;
        using var alone = Access.Writing();
        foreach (var module in _modules)
            using (var updated = TakeUpdate(module))
                if (updated is not null)
                    _tensor.TakeNearest(updated);
    }

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
    private Visit Admit(ModuleBinding? caller)
    {
        for (var mustWrite = false; ; )
        {
            var scope = CachedScope.For(this);
            var visit = Access.Begin(isAlone: mustWrite || scope is null && !_value.IsHeld);
            if (caller is not null && !IsFor(caller))
                return visit; // There is nothing to compute any more.
            bool isTouched;
            try
            {
                isTouched = IsTouched && !Access.IsNested(visit);
                // Else its scope has ended, or the value is to be written where others read it.
                if (!isTouched && (Hold(scope, caller, visit, ref mustWrite) || visit.IsAlone))
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
            if (isTouched)
                PutInOrder(takesAssignments: true);
        }
    }

    /// <summary>A thread that writes in the middle of its own pass, or moves the module, goes on with the new value.</summary>
    private void ShowInPass()
    {
        // What the pass has assigned itself it reads again.
        foreach (var module in _modules)
            if (Access.Find(module) is { IsOver: false } && !module.IsWaiting)
                UnlessItFails(() => module.ShowAlone(_tensor.Evaluate(out _)));
    }

    /// <summary>A node of a user's own may fail: the first use of the tensor throws that.</summary>
    private void HoldUnlessItFails() => UnlessItFails(Hold);

    private static void UnlessItFails(Action compute)
    {
        try
        {
            compute();
        }
        catch (Exception error) when (error is not OutOfMemoryException) { }
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

    /// <summary>Has the present value held, for a scope if there is one; false when it is not.</summary>
    private bool Hold(CachedScope? scope, ModuleBinding? caller, Visit visit, ref bool mustWrite)
    {
        lock (_gate)
        {
            var isCovered = scope is not null && (_scopes.Contains(scope) || scope.Add(this) && _scopes.Add(scope));
            if (!isCovered && !_value.IsHeld)
                return false;
            if (_value.IsOutdated)
                if (MayRenew(visit))
                    Renew(visit);
                else if (!Access.IsNested(visit))
                {
                    mustWrite = true;
                    return false;
                }
            // else it goes on with what it has: those for whom it would wait might wait for it.
            _value.Hold();
            foreach (var module in _modules)
                if (caller is null || module == caller || !module.IsComputing)
                    module.Hold(_value);
            return true;
        }
    }

    /// <summary>Whether readers in the middle of a pass are not disturbed.</summary>
    private bool MayRenew(Visit visit) =>
        Array.TrueForAll(_modules, module => module.IsReplacedAtOnce) || Access.TryStayAlone(visit);

    /// <summary>Computes again for all. Other threads may be in the middle of a pass with what was shown until now.</summary>
    private void Renew(Visit visit)
    {
        _value.Renew();
        _value.Keep(_modules.SelectMany(module => module.Renew(_value)).ToList());
        _value.RetireReplaced(visit);
    }

    /// <summary>Drops the value when the last who needed it has gone.</summary>
    private void DropUnused()
    {
        if (_value.HasReplaced)
            lock (_gate)
                _value.RetireReplaced(beginning: null);
        if (_scopes.Count > 0 || !_value.IsHeld || Access.TryBeginAlone() is not { } visit)
            return;
        try
        {
            lock (_gate)
                if (_scopes.Count == 0)
                    Forget();
        }
        finally
        {
            Access.End(visit);
        }
        if (Access.MayBeInPass)
            ShowInPass();
    }
}

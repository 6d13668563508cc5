using Parametrize.CSharp.Grouping;
using Parametrize.CSharp.Threads;

namespace Parametrize.CSharp.Binding;

/// <content>Reading the value, and holding it for scopes.</content>
internal sealed partial class TensorBinding
{
    /// <summary>A new tensor for a reader: a view of the held one in a cached scope.</summary>
    public Tensor Read() =>
        ForReader(isHeld => isHeld ? _value.Alias() : _tensor.Evaluate(out _), isLearning: _tensor.IsLearning);

    /// <summary>log |det W| for a reader: computed once with the value in a cached scope.</summary>
    /// <param name="compute">Computes it from the parts, or from the held value when it is given one.</param>
    public Tensor LogAbsDeterminant(Func<Tensor?, Tensor> compute) =>
        ForReader(isHeld => isHeld ? _value.LogAbsDeterminant(compute) : compute(null), isLearning: false);

    /// <param name="compute">Computes the result; it is told whether to take the held value.</param>
    /// <param name="isLearning">Whether computing the value writes to buffers.</param>
    private Tensor ForReader(Func<bool, Tensor> compute, bool isLearning)
    {
        while (true)
        {
            SyncWithModules();
            _tensor.RefreshWritten();
            // A pass of this thread may share the value that other scopes hold; then it does not wait for exclusive access in order to
            // learn.
            if (CachedScope.For(this) is not null || _value.IsHeld && Access.IsInPass)
                break;
            using (isLearning ? Access.Writing() : Access.Reading())
                if (!IsTouched)
                    return compute(false);
            PutInOrder(takesAssignments: true);
        }
        var visit = Admit(caller: null);
        try
        {
            lock (_gate)
                return compute(_value.IsHeld);
        }
        finally
        {
            Access.End(visit);
        }
    }

    /// <summary>The value of the cached scope, a new tensor; null outside.</summary>
    public Tensor? ReadIfCached() => CachedScope.For(this) is null ? null : Read();

    IGroupable IUpcomingUse.Tensor => _tensor;

    bool IUpcomingUse.WillCompute => WillCompute(caller: null);

    /// <summary>
    /// Whether there are modules in whose fields the value is shown. A parametrized tensor that a user's module holds itself has
    /// none.
    /// </summary>
    public bool IsInModules => _modules.Length > 0;

    /// <summary>Whether a value that is computed now is held until a scope ends.</summary>
    public bool WillKeep => _value.IsHeld || CachedScope.For(this) is not null;

    /// <summary>Whether a use will compute the value, and nothing else has to be done before. The caller has access.</summary>
    public bool WillCompute(ModuleBinding? caller)
    {
        if (!IsQuiet)
            return false;
        if (caller is not null && Access.Find(caller) is { IsSuspect: false })
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

    /// <summary>
    /// Holds the value for the scope of a model, even when an outer scope holds it already: the outer scope may end first.
    /// </summary>
    public void Hold(CachedScope scope)
    {
        // An outer scope that ends between the two steps drops the value.
        for (var isKept = false; !isKept; )
        {
            try
            {
                Hold();
            }
            catch (ObjectDisposedException) when (_wasInModules && _modules.Length == 0)
            {
                return; // Another thread has removed it since the scope looked for it.
            }
            lock (_gate)
            {
                isKept = !Cover(scope) || _value.IsHeld;
            }
        }
    }

    /// <summary>
    /// For a scope of all tensors: holds the value unless computing it would change it (learning, noise), report a pending error,
    /// or wait for another thread. In these cases the first use computes it.
    /// </summary>
    public void TryHold()
    {
        if (!_tensor.IsPure || Access.IsInPass)
            return;
        // A tensor in native memory is shown in no field, and a graph may still need the numbers that are there.
        if (IsNative || Access.TryBeginAlone() is not { } visit)
            return;
        // The access is kept until the value is held. Otherwise a pass could begin in between, and holding would wait for it.
        using var lease = new Lease(Access, visit);
        if (IsQuiet)
            HoldUnlessItFails();
    }

    /// <summary>Computes and shows the value again after it was dropped, if a scope for a model is open.</summary>
    public void ShowAgain()
    {
        if (Access.MayBeInPass)
            ShowInPass();
        if (Access.IsInPass)
            return;
        // A pending assignment stays where it is until the next use.
        if (_scopes.Count == 0 || Array.Exists(_modules, module => module.IsWaiting))
            return;
        bool isMeantToShow;
        lock (_gate)
            isMeantToShow = _scopes.Any(scope => scope.IsOfModel);
        if (isMeantToShow)
            HoldUnlessItFails();
    }

    /// <summary>
    /// Called when the scope has ended: drops the value if no other scope needs it. A scope that was opened inside it and is still open
    /// needs it from now on.
    /// </summary>
    public void Release(CachedScope scope)
    {
        TakeUpdates();
        lock (_gate)
        {
            _scopes.Remove(scope);
            if (_value.IsHeld && CachedScope.For(this) is { } next)
                Cover(next);
        }
        DropUnused();
    }

    /// <summary>Notes that the scope needs the value; false when it has ended. The caller holds the lock.</summary>
    private bool Cover(CachedScope scope) => _scopes.Contains(scope) || scope.Add(this) && _scopes.Add(scope);

    /// <summary>
    /// Holds the value. A user's node may throw: the first use of the tensor will throw that exception, so it is dropped here.
    /// </summary>
    private void HoldUnlessItFails() => UnlessItFails(Hold);

    private static void UnlessItFails(Action compute)
    {
        try
        {
            compute();
        }
        catch (Exception error) when (error is not OutOfMemoryException) { }
    }

    /// <summary>
    /// Holds the present value, for the scope if there is one. False when nothing covers the tensor, or when exclusive access is
    /// needed first (`mustWrite`).
    /// </summary>
    private bool Hold(CachedScope? scope, ModuleBinding? caller, Visit visit, bool canWait, ref bool mustWrite)
    {
        lock (_gate)
        {
            var isCovered = scope is not null && Cover(scope);
            if (!isCovered && !_value.IsHeld)
                return false;
            if (_value.IsOutdated)
                if (MayRenew(visit))
                    Renew(visit);
                else if (canWait && !Access.IsNested(visit))
                {
                    mustWrite = true;
                    return false;
                }
            // Otherwise this pass keeps the stale value: waiting for the other readers could deadlock.
            _value.Hold();
            foreach (var module in _modules)
                if (caller is null || module == caller || !module.IsComputing)
                    if (!module.IsComputing || module.IsReplacedAtOnce || Access.TryStayAlone(visit))
                        _value.Keep(module.Hold(_value));
                    else if (canWait && !Access.IsNested(visit))
                    {
                        mustWrite = true;
                        return false;
                    }
            _value.RetireReplaced(visit);
            return true;
        }
    }

    /// <summary>
    /// Whether the value can be replaced without disturbing passes of other threads: replacing is atomic, or there are none.
    /// </summary>
    private bool MayRenew(Visit visit) =>
        Array.TrueForAll(_modules, module => module.IsReplacedAtOnce) || Access.TryStayAlone(visit);

    /// <summary>
    /// Computes the value again for all modules. The replaced values are kept until no pass of another thread can read them.
    /// </summary>
    private void Renew(Visit visit)
    {
        _value.Compute();
        _value.Keep(_modules.SelectMany(module => module.Renew(_value)).ToList());
        _value.RetireReplaced(visit);
    }

    /// <summary>Drops the value when no scope needs it any more.</summary>
    private void DropUnused()
    {
        if (_value.HasReplaced)
            lock (_gate)
                _value.RetireReplaced(beginning: null);
        if (_scopes.Count > 0 || !_value.IsHeld || Access.TryBeginAlone(whenFree: DropUnused) is not { } visit)
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

using Parametrize.CSharp.Threads;
using Parametrize.CSharp.Values;

namespace Parametrize.CSharp;

/// <content>Computing learnt buffers again after something other than training has written to the parameters.</content>
public sealed partial class ParametrizedTensor
{
    private OutsideWrites? _writes;

    /// <summary>
    /// Computes again the buffers that training updates without gradients, the singular vectors of a spectral norm. Call it after
    /// something other than training has written to the parameters (averaging, initializing): training would take many steps to
    /// find them. Other tensors do not change. In evaluation mode the next use does this by itself, unless the write to the
    /// parameters is an optimizer's step or comes with a loaded state.
    /// </summary>
    /// <exception cref="ParametrizationException">The parameters hold NaN or infinity; nothing has changed.</exception>
    public void Refresh()
    {
        Binding.SyncWithModules();
        using var alone = Binding.Access.Writing();
        WriteBuffers(Core.refresh(Parametrization, CurrentParts()).OrThrow(Where));
        _writes?.Settle();
        Binding.Forget();
        Binding.ShowAgain();
    }

    /// <summary>Called when this library has written to the parameters. The buffers belong to the new parameters.</summary>
    internal void SettleWrites() => _writes?.Settle();

    /// <summary>Refreshes the buffers that converge (`IConverges`), when a write was seen in evaluation.</summary>
    internal void RefreshWritten()
    {
        // Inside a pass, other threads may be waiting for this thread: the next pass refreshes.
        if (_writes is not { } writes || _misfit is not null || training || Binding.Access.IsInPass)
            return;
        using (Binding.Access.Reading())
            if (!writes.AreSeen)
                return;
        if (Binding.Access.BeginAloneUnlessStuck() is not { } visit)
            return;
        using var alone = new Lease(Binding.Access, visit);
        if (!writes.AreSeen || !writes.Take())
            return;
        var refreshed = Core.refreshConverging(Parametrization, CurrentParts());
        if (!refreshed.IsOk)
            return; // The parameters are NaN, so the value is NaN as well.
        WriteBuffers(refreshed.ResultValue);
        writes.Settle();
    }
}

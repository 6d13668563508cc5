using Parametrize.CSharp.Threads;
using Parametrize.CSharp.Values;
using Core = Parametrize.ParametrizationModule;

namespace Parametrize.CSharp;

/// <content>What is learnt, learnt anew after parameters were written by something else than training.</content>
public sealed partial class ParametrizedTensor
{
    private OutsideWrites _writes;

    /// <summary>
    /// Learns anew what training learns without gradients, the singular vectors of a spectral norm: after the parameters
    /// were written by something else than training (averaging, initializing), training passes would take many steps to get
    /// there. Other tensors stay as they are. In evaluation singular vectors are refreshed without being asked for.
    /// </summary>
    /// <exception cref="ParametrizationException">The parameters hold NaN or infinity; nothing has changed.</exception>
    public void Refresh()
    {
        Binding.SyncWithModules();
        using var alone = Binding.Access.Writing();
        Carry(Core.refresh(Parametrization, CurrentParts()).OrThrow(Where));
        _writes.Settle();
        Binding.Forget();
        Binding.ShowAgain();
    }

    /// <summary>The same of what converges, where a write was seen in evaluation.</summary>
    internal void RefreshWritten()
    {
        // Inside a pass, others may be waiting for this thread: the next one refreshes.
        if (!_writes.AreSeen || _misfit is not null || Binding.Access.IsInPass)
            return;
        if (Binding.Access.BeginAloneUnlessStuck() is not { } visit)
            return;
        using var alone = new Lease(Binding.Access, visit);
        if (!_writes.AreSeen || !_writes.Take())
            return;
        var refreshed = Core.refreshConverging(Parametrization, CurrentParts());
        if (!refreshed.IsOk)
            return; // NaN: so is the value.
        Carry(refreshed.ResultValue);
        _writes.Settle();
    }
}

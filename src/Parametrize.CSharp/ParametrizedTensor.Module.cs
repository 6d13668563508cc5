namespace Parametrize.CSharp;

/// <content>The overrides of a module: moving, changing the mode, listing tensors.</content>
public sealed partial class ParametrizedTensor
{
    /// <summary>Whether it was removed from its modules, or disposed.</summary>
    internal bool IsDisposed { get; private set; }

    /// <summary>
    /// The error that each use throws when the tensor cannot be computed in the element type to which it was moved; else null.
    /// </summary>
    private ParametrizationError? _misfit;

    /// <summary>The element type and device of the parameters before a move, of which a native module may have done a part.</summary>
    private (ScalarType Dtype, Device Device) _kind;

    /// <summary>Sets the mode. Learnt buffers (power iterations) are updated in training only.</summary>
    public override void train(bool train = true)
    {
        if (train == training)
        {
            base.train(train);
            return;
        }
        Change();
        Binding.ShowAgain();

        void Change()
        {
            using var alone = Binding.Access.Writing();
            Binding.TakeUpdates();
            // A graph may need the value that is in native memory. It stays if the value does not depend on the mode.
            if (!Binding.IsNative || Core.learns(Parametrization) || Core.hasNoise(Parametrization))
                Binding.Forget();
            base.train(train);
            _writes?.Settle();
        }
    }

    /// <inheritdoc/>
    public override IEnumerable<(string name, Parameter parameter)> named_parameters(bool recurse = true)
    {
        Binding.SyncMoves();
        return base.named_parameters(recurse);
    }

    /// <inheritdoc/>
    public override IEnumerable<(string name, Tensor buffer)> named_buffers(
        bool recurse = true,
        bool include_nonpersistent = true
    )
    {
        Binding.SyncMoves();
        // A state dictionary is being read, perhaps that of an enclosing module: Sequential does not call `state_dict` of its
        // children.
        if (!include_nonpersistent)
        {
            RefreshWritten();
            Binding.Lend();
        }
        return base.named_buffers(recurse, include_nonpersistent);
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            using var alone = Binding.Access.Writing();
            base.Dispose(disposing);
            IsDisposed = true;
        }
        else
            base.Dispose(disposing);
    }

    /// <inheritdoc/>
    protected override void _toEpilog(ScalarType? dtype, Device? device, bool non_blocking)
    {
        Move(dtype, device, non_blocking);
        Binding.ShowAgain();
    }

    private void Move(ScalarType? dtype, Device? device, bool non_blocking)
    {
        using var alone = Binding.Access.Writing();
        using var lasting = Modes.Lasting();
        Binding.SyncBeforeMove(_kind.Dtype, _kind.Device);
        RefreshWritten();
        // By now a native module has moved the tensors that it shares with the parameters, but no buffers.
        var before = Tensors.Max(part => FormModule.epsilon(part.dtype));
        base._toEpilog(dtype, device, non_blocking);
        ReadAgain();
        _misfit = Accepting.misfit(Parametrization, new Parts(Shape, Inputs, _buffers))?.Value;
        if (_misfit is null && FormModule.epsilon(Inputs[0].dtype) < before)
            WriteBuffers(Core.repair(Parametrization, CurrentParts())); // A buffer that was rounded there can be outside the tolerance here.
        Binding.Moved();
    }

    private void RequireComputable()
    {
        RequireAlive();
        if (_misfit is not null)
            throw new ParametrizationException(_misfit, Where, "It was moved: move it back.");
    }

    private void RequireAlive()
    {
        if (IsDisposed)
            throw new ObjectDisposedException(
                $"{nameof(ParametrizedTensor)} ({Code}, {Form.Shown(Shape)})",
                "This parametrized tensor was removed from its module, or disposed, by itself or with the module."
            );
    }
}

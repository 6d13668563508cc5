using TorchSharp;
using static TorchSharp.torch;

namespace Parametrize.CSharp.Binding;

/// <summary>What a cached scope can hold and drop.</summary>
internal interface ICached
{
    /// <summary>Computes the value, unless it is held, and keeps it until the scope ends.</summary>
    void Hold(CachedScope scope);

    /// <summary>Drops a held value: the scope ended, or the tensor has changed.</summary>
    void Forget();
}

/// <summary>The value of a tensor that no module is bound to, one held as a field by a module of its user's own.</summary>
internal sealed class FreeValue(ParametrizedTensor tensor) : ICached
{
    private readonly Lock _gate = new();
    private Tensor? _held;

    /// <summary>A new tensor for a reader: a view of the held one in a cached scope.</summary>
    public Tensor Read()
    {
        if (CachedScope.For(tensor) is not { } scope)
            return tensor.Evaluate();
        lock (_gate)
        {
            Hold(scope);
            return _held!.alias();
        }
    }

    public void Hold(CachedScope scope)
    {
        lock (_gate)
        {
            if (_held is not null)
                return;
            // With gradients in any case: a first use without them must not take them from the others.
            using (enable_grad())
                _held = tensor.Evaluate().DetachFromDisposeScope();
            scope.Add(this);
        }
    }

    public void Forget()
    {
        lock (_gate)
        {
            _held?.Dispose();
            _held = null;
        }
    }
}

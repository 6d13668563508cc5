using TorchSharp;
using static TorchSharp.torch;

namespace Parametrize.CSharp.Binding;

/// <summary>What a cached scope keeps and drops.</summary>
internal interface ICached
{
    /// <summary>Drops what is kept: the scope ended, or the tensor has changed.</summary>
    void Forget();
}

/// <summary>The value of a tensor: computed for each reader, or once in a cached scope, for all modules.</summary>
internal sealed class HeldValue(ParametrizedTensor tensor) : ICached
{
    private readonly Lock _gate = new();
    private Tensor? _held;

    /// <summary>A new tensor for a reader: a view of the held one in a cached scope.</summary>
    public Tensor Read(CachedScope? scope)
    {
        if (scope is null)
            return tensor.Evaluate();
        lock (_gate)
        {
            Hold(scope);
            return _held!.alias();
        }
    }

    /// <summary>Computes the value, unless it is held, and keeps it until the scope ends.</summary>
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

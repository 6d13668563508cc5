using static TorchSharp.torch;

namespace Parametrize.CSharp.Binding;

/// <summary>The value of a tensor: computed for each reader, or once in a cached scope, for all modules.</summary>
internal sealed class HeldValue(ParametrizedTensor tensor) : ICached
{
    private readonly Lock _gate = new();
    private readonly Stamp _stamp = new(tensor);
    private Tensor? _held;

    /// <summary>What modules have shown of earlier values, while other threads may compute with it.</summary>
    private readonly List<Shown> _replaced = [];

    /// <summary>Whether the parts have been written to since the value was computed.</summary>
    public bool IsOutdated
    {
        get
        {
            lock (_gate)
                return _held is not null && !_stamp.IsCurrent;
        }
    }

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
            Compute();
            scope.Add(this);
        }
    }

    /// <summary>Computes again.</summary>
    public void Renew()
    {
        lock (_gate)
            if (_held is not null)
                Compute();
    }

    /// <summary>Keeps what modules have shown of earlier values until none computes with it, or the scope ends.</summary>
    public void Replace(IEnumerable<Shown> replaced, bool areInUse)
    {
        lock (_gate)
        {
            _replaced.AddRange(replaced);
            if (!areInUse)
                RetireReplaced();
        }
    }

    /// <summary>Somebody is given the parts who may write past libtorch.</summary>
    public void Lend()
    {
        lock (_gate)
            if (_held is not null)
                _stamp.Copy();
    }

    public void Forget()
    {
        lock (_gate)
        {
            _held?.Dispose();
            _held = null;
            _stamp.Clear();
            RetireReplaced();
        }
    }

    private void Compute()
    {
        using var _ = Modes.Lasting();
        var value = tensor.Evaluate().DetachFromDisposeScope();
        _held?.Dispose();
        _held = value;
        _stamp.Set(); // What evaluating has learnt is in the value.
    }

    private void RetireReplaced()
    {
        _replaced.ForEach(one => one.Retire());
        _replaced.Clear();
    }
}

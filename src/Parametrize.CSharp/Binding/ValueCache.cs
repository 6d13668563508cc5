using Parametrize.CSharp.Threads;
using Parametrize.CSharp.Torch;
using static TorchSharp.torch;

namespace Parametrize.CSharp.Binding;

/// <summary>
/// The value of a tensor in cached scopes, computed once for all modules. Not thread-safe: callers let one thread in at a time.
/// </summary>
internal sealed class ValueCache(IComputedTensor tensor)
{
    /// <summary>How often the value is computed, at most, when another thread writes to the parts meanwhile.</summary>
    private const int Attempts = 3;

    private readonly VersionCheck _stamp = new(tensor);

    /// <summary>Earlier values that modules have shown, and when they were replaced: passes may still read them.</summary>
    private readonly List<(ExposedValue Shown, long At)> _replaced = [];

    private Tensor? _held;

    private Tensor? _logAbsDeterminant;

    public bool IsHeld => _held is not null;

    /// <summary>Whether the parts have been written to since the value was computed.</summary>
    public bool IsOutdated => _held is not null && !_stamp.IsCurrent;

    public bool HasReplaced => _replaced.Count > 0;

    /// <summary>A new tensor, a view of the held one.</summary>
    public Tensor Alias() => _held!.alias();

    /// <summary>A new tensor, a view of log |det W| of the held one, computed on first use.</summary>
    public Tensor LogAbsDeterminant(Func<Tensor?, Tensor> compute)
    {
        if (_logAbsDeterminant is null)
        {
            using var _ = Modes.Lasting();
            _logAbsDeterminant = compute(_held).DetachFromDisposeScope();
        }
        return _logAbsDeterminant.alias();
    }

    private void ForgetDeterminant()
    {
        _logAbsDeterminant?.Dispose();
        _logAbsDeterminant = null;
    }

    /// <summary>Computes the value, unless it is held.</summary>
    public void Hold()
    {
        if (_held is null)
            Compute();
    }

    /// <summary>Computes the value again.</summary>
    public void Renew() => Compute();

    /// <summary>Makes the value stale, so that the next use computes it again.</summary>
    public void Outdate() => _stamp.Set(new(Writes: -1, Trained: 0));

    /// <summary>Keeps earlier values until no pass can read them.</summary>
    public void Keep(IEnumerable<ExposedValue> replaced)
    {
        var now = TensorAccess.Now();
        _replaced.AddRange(replaced.Select(shown => (shown, now)));
    }

    /// <summary>Disposes replaced values that no pass reads any more. The pass that is just beginning reads none of them.</summary>
    public void RetireReplaced(Visit? beginning)
    {
        if (_replaced.Count == 0)
            return;
        var access = tensor.Binding.Access;
        var ended = _replaced.TakeWhile(one => !access.WasInUse(one.At, except: beginning)).Count();
        var areInUse = access.HasAbandonedPasses;
        foreach (var (shown, _) in _replaced.Take(ended))
            shown.Retire(areInUse);
        _replaced.RemoveRange(0, ended);
    }

    /// <summary>
    /// Called when `state_dict` hands out the parts: TorchSharp's `load` writes to their memory without changing their version.
    /// </summary>
    public void Lend()
    {
        if (_held is not null)
            _stamp.Lend();
    }

    public void Forget()
    {
        _held?.Dispose();
        _held = null;
        ForgetDeterminant();
        _stamp.Clear();
        RetireReplaced(beginning: null);
    }

    private void Compute()
    {
        using var _ = Modes.Lasting();
        for (var attempt = 1; ; attempt++)
        {
            var before = _stamp.Begin();
            var value = tensor.Evaluate(out var learnt).DetachFromDisposeScope();
            before = before with { Writes = before.Writes + learnt };
            if (attempt < Attempts && before != _stamp.Now())
            {
                value.Dispose();
                continue;
            }
            _held?.Dispose();
            _held = value;
            ForgetDeterminant();
            _stamp.Set(before);
            return;
        }
    }
}

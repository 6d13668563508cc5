using Parametrize.CSharp.Threads;

namespace Parametrize.CSharp.Binding;

/// <summary>
/// The value of a tensor in cached scopes, computed once for all modules, and whether it is still that of the parts. Not
/// thread-safe: callers let one thread in at a time.
/// </summary>
/// <remarks>
/// TorchSharp's `load` calls `state_dict` and then writes to the memory of the parts, which libtorch's count of versions does not
/// see. So the parts are copied when `state_dict` is called. Each use compares them with the copies, until the calling thread uses
/// the tensor itself.
/// </remarks>
internal sealed class ValueCache(IComputedTensor tensor)
{
    /// <summary>How long `load` may take when the thread that called it does not use the tensor again, in milliseconds.</summary>
    private const int LongestLoad = 300_000;

    /// <summary>Earlier values that modules have shown, and when they were replaced: passes may still read them.</summary>
    private readonly List<(ExposedValue Shown, long At)> _replaced = [];

    private Tensor? _held;

    private Tensor? _logAbsDeterminant;

    /// <summary>The version of the parts from which the value was computed.</summary>
    private PartsVersion _version;

    /// <summary>
    /// The writes to the value itself when it had been computed. A module that holds the tensor may write into what it has read; in
    /// the fields of other modules such writes are seen.
    /// </summary>
    private long _writesToHeld;

    /// <summary>The parts as they were when `state_dict` was called; none when no load may be going on.</summary>
    private Tensor[] _copies = [];

    private (Thread Thread, long At)? _lent;

    public bool IsHeld => _held is not null;

    /// <summary>Whether the parts have been written to since the value was computed.</summary>
    public bool IsOutdated => _held is not null && !IsCurrent;

    public bool HasReplaced => _replaced.Count > 0;

    private PartsVersion Now => PartsVersion.Of(tensor.Inputs, tensor.Tensors);

    private bool IsCurrent => _version == Now && IsUnwritten && (_copies.Length == 0 || AreAsCopied());

    private bool IsUnwritten => tensor.Binding.IsInModules || Versions.Of([_held!]) == _writesToHeld;

    private bool LoadHasEnded =>
        _lent is not { } lent
        || lent.Thread == Thread.CurrentThread
        || !lent.Thread.IsAlive
        || Environment.TickCount64 - lent.At > LongestLoad;

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

    /// <summary>Computes the value, unless it is held.</summary>
    public void Hold()
    {
        if (_held is null)
            Compute();
    }

    /// <summary>Makes the value stale, so that the next use computes it again.</summary>
    public void Outdate() => _version = new(Writes: -1, Trained: 0);

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
        var ended = _replaced.TakeWhile(entry => !access.WasInUse(entry.At, except: beginning)).Count();
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
        if (_held is null)
            return;
        _lent = (Thread.CurrentThread, Environment.TickCount64);
        if (_copies.Length == 0)
            CopyParts();
    }

    public void Forget()
    {
        _held?.Dispose();
        _held = null;
        ForgetDeterminant();
        ForgetCopies();
        RetireReplaced(beginning: null);
    }

    /// <summary>Computes the value, also when one is held.</summary>
    public void Compute()
    {
        using var _ = Modes.Lasting();
        var isLent = _copies.Length > 0 && !LoadHasEnded;
        ForgetCopies();
        if (isLent)
            CopyParts();
        // The value may lack a write that happens during the computation. It gets the version from before, so that the next use
        // computes it again.
        var before = Now;
        var value = tensor.Evaluate(out var learnt).DetachFromDisposeScope();
        _held?.Dispose();
        (_held, _version) = (value, before with { Writes = before.Writes + learnt });
        _writesToHeld = Versions.Of([value]);
        ForgetDeterminant();
    }

    private void ForgetDeterminant()
    {
        _logAbsDeterminant?.Dispose();
        _logAbsDeterminant = null;
    }

    private void ForgetCopies()
    {
        foreach (var copy in _copies)
            copy.Dispose();
        _copies = [];
    }

    private void CopyParts()
    {
        using var _ = no_grad();
        _copies = [.. tensor.Tensors.Select(part => part.clone().DetachFromDisposeScope())];
    }

    private bool AreAsCopied()
    {
        if (!_copies.Zip(tensor.Tensors).All(pair => pair.First.Equals(pair.Second)))
            return false;
        if (LoadHasEnded)
            ForgetCopies();
        return true;
    }
}

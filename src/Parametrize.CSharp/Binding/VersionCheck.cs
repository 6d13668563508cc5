using Parametrize.CSharp.Values;
using static TorchSharp.torch;

namespace Parametrize.CSharp.Binding;

/// <summary>
/// Tells whether the parts of a tensor were written to, frozen or unfrozen. Not thread-safe: callers let one thread in at a time.
/// </summary>
/// <remarks>
/// TorchSharp's `load` calls `state_dict` and then writes to the memory of the parts, which libtorch's count of versions does not
/// see. So the parts are copied when `state_dict` is called. Each use compares them with the copies, until the calling thread uses
/// the tensor itself.
/// </remarks>
internal sealed class VersionCheck(IComputedTensor tensor)
{
    /// <summary>How long `load` may take when the thread that called it does not use the tensor again, in milliseconds.</summary>
    private const int LongestLoad = 300_000;

    private PartsVersion _present;
    private Tensor[] _copies = [];
    private (Thread Thread, long At)? _lent;

    public bool IsCurrent => _present == Now() && (_copies.Length == 0 || AreAsCopied());

    private bool HasComeBack =>
        _lent is not { } lent
        || lent.Thread == Thread.CurrentThread
        || !lent.Thread.IsAlive
        || Environment.TickCount64 - lent.At > LongestLoad;

    public PartsVersion Now() => PartsVersion.Of(tensor.Inputs, tensor.Tensors);

    /// <summary>
    /// Called before the value is computed. Returns the version to compare with afterwards: a write during the computation may be
    /// missing in the value.
    /// </summary>
    public PartsVersion Begin()
    {
        var isLent = _copies.Length > 0 && !HasComeBack;
        Clear();
        if (isLent)
            CopyParts();
        return Now();
    }

    public void Set(PartsVersion moment) => _present = moment;

    public void Lend()
    {
        _lent = (Thread.CurrentThread, Environment.TickCount64);
        if (_copies.Length == 0)
            CopyParts();
    }

    public void Clear()
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
        if (HasComeBack)
            Clear();
        return true;
    }
}

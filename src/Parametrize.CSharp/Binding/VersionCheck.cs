using Parametrize.CSharp.Values;
using static TorchSharp.torch;

namespace Parametrize.CSharp.Binding;

/// <summary>
/// Tells whether the parts of a tensor were written to, frozen or unfrozen. Whoever uses it lets one thread in at a time.
/// </summary>
/// <remarks>
/// TorchSharp's `load` asks for `state_dict` and then writes into the memory of the parts, past libtorch's count of
/// versions. So the parts are copied when the state is asked for, and compared at each use until the thread that has
/// asked comes back.
/// </remarks>
internal sealed class VersionCheck(IComputedTensor tensor)
{
    /// <summary>How long `load` may take when the thread that called it does not come back, in milliseconds.</summary>
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

    /// <summary>Before the value is computed: what is written meanwhile may not be in it.</summary>
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

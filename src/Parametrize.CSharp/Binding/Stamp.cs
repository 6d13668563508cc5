using TorchSharp;
using static TorchSharp.torch;

namespace Parametrize.CSharp.Binding;

/// <summary>Tells whether the parts of a tensor were written to. Whoever uses it lets one thread in at a time.</summary>
/// <remarks>
/// TorchSharp's `load` asks for `state_dict` and then writes into the memory of the parts, past libtorch's count of
/// versions. So the parts are copied when the state is asked for, and compared once afterwards.
/// </remarks>
internal sealed class Stamp(ParametrizedTensor tensor)
{
    private long _version;
    private Tensor[] _copies = [];

    public bool IsCurrent => _version == Versions.Of(tensor.Tensors) && (_copies.Length == 0 || AreAsCopied());

    public void Set()
    {
        _version = Versions.Of(tensor.Tensors);
        Clear();
    }

    public void Copy()
    {
        if (_copies.Length > 0)
            return;
        using var _ = no_grad();
        _copies = [.. tensor.Tensors.Select(part => part.clone().DetachFromDisposeScope())];
    }

    public void Clear()
    {
        foreach (var copy in _copies)
            copy.Dispose();
        _copies = [];
    }

    private bool AreAsCopied()
    {
        if (!_copies.Zip(tensor.Tensors).All(pair => pair.First.Equals(pair.Second)))
            return false;
        Clear();
        return true;
    }
}

using static TorchSharp.torch;

namespace Parametrize.CSharp.Binding;

/// <summary>
/// Tells whether the parts of a tensor were written to, frozen or unfrozen. Whoever uses it lets one thread in at a time.
/// </summary>
/// <remarks>
/// TorchSharp's `load` asks for `state_dict` and then writes into the memory of the parts, past libtorch's count of
/// versions. So the parts are copied when the state is asked for, and compared once afterwards.
/// </remarks>
internal sealed class Stamp(ParametrizedTensor tensor)
{
    private (long Writes, long Trained) _present;
    private Tensor[] _copies = [];

    public bool IsCurrent => _present == Read() && (_copies.Length == 0 || AreAsCopied());

    public void Set()
    {
        _present = Read();
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

    /// <summary>A frozen parameter is to get no gradients, which the graph of the value would still give it.</summary>
    private (long Writes, long Trained) Read()
    {
        var trained = 0L;
        foreach (var input in tensor.Inputs)
            trained = 2 * trained + (input.requires_grad ? 1 : 0);
        return (Versions.Of(tensor.Tensors), trained);
    }

    private bool AreAsCopied()
    {
        if (!_copies.Zip(tensor.Tensors).All(pair => pair.First.Equals(pair.Second)))
            return false;
        Clear();
        return true;
    }
}

namespace Parametrize.CSharp.Values;

/// <summary>The buffers of one node, as a child module whose name is the node's position, as PyTorch saves it.</summary>
internal sealed class NodeBuffers : nn.Module
{
    private readonly string[] _names;

    public NodeBuffers(IEnumerable<string> names, IEnumerable<Tensor> tensors)
        : base(nameof(NodeBuffers))
    {
        _names = [.. names];
        foreach (var (name, tensor) in _names.Zip(tensors))
        {
            register_buffer(name, tensor.DetachFromDisposeScope());
            (_deviceType, _deviceIndex) = (tensor.device_type, tensor.device_index);
        }
    }

    public Tensor[] Tensors() => [.. _names.Select(name => get_buffer(name)!)];
}

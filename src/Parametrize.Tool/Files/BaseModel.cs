using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Parametrize.Tool.Files;

/// <summary>Modules made from the names of tensors.</summary>
internal sealed class BaseModel() : nn.Module(nameof(BaseModel))
{
    private readonly Dictionary<string, BaseModel> _inside = [];

    /// <summary>Puts a module at its place, with those around it.</summary>
    public void Add(string name, nn.Module module)
    {
        var (owner, last) = Owner(name);
        owner.register_module(last, module);
    }

    /// <summary>The same with a tensor.</summary>
    public void Add(string name, Tensor tensor)
    {
        var (owner, last) = Owner(name);
        owner.register_buffer(last, tensor);
    }

    private (BaseModel Owner, string Last) Owner(string name)
    {
        var dot = name.IndexOf('.');
        if (dot < 0)
            return (this, name);
        var step = name[..dot];
        if (!_inside.TryGetValue(step, out var child))
            register_module(step, _inside[step] = child = new());
        return child.Owner(name[(dot + 1)..]);
    }
}

/// <summary>Layers are made small, and given their weight.</summary>
internal static class Layers
{
    public static nn.Module With(this Linear layer, Parameter weight)
    {
        layer.weight = weight;
        return layer;
    }

    public static nn.Module With(this Embedding layer, Parameter weight)
    {
        layer.weight = weight;
        return layer;
    }

    public static nn.Module With(this Convolution layer, Parameter weight)
    {
        layer.weight = weight;
        return layer;
    }
}

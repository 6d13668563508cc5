using System.Collections;
using System.Reflection;
using Parametrize;
using Parametrize.CSharp;
using TorchSharp.Modules;
using Xunit;
using static TorchSharp.torch;

namespace Properties.CSharp.Support;

/// <summary>Everything about a module that a refused call must leave as it was.</summary>
internal sealed class Snapshot
{
    private readonly nn.Module _module;
    private readonly (string Name, Parameter Parameter)[] _parameters;
    private readonly (string Name, Tensor Buffer)[] _buffers;
    private readonly bool[] _requiresGrad;
    private readonly byte[]?[] _gradients;
    private readonly byte[][] _bytes;
    private readonly string[] _state;
    private readonly (string Name, nn.Module Module)[] _modules;
    private readonly (string Name, ParametrizedTensor Tensor, Parametrization Value)[] _parametrized;
    private readonly int _hooks;

    private Snapshot(nn.Module module)
    {
        _module = module;
        _parameters = [.. module.named_parameters()];
        _buffers = [.. module.named_buffers()];
        _requiresGrad = [.. _parameters.Select(p => p.Parameter.requires_grad)];
        _gradients = [.. _parameters.Select(p => p.Parameter.grad is { } gradient ? Bytes(gradient) : null)];
        _bytes = [.. Tensors().Select(Bytes)];
        _state = [.. module.state_dict().Keys];
        _modules = [.. module.named_modules()];
        _parametrized =
        [
            .. module.parametrizations().Select(entry => (entry.name, entry.tensor, entry.tensor.Parametrization)),
        ];
        _hooks = HooksOf(module);
    }

    public static Snapshot Of(nn.Module module) => new(module);

    public void AssertUnchanged()
    {
        var now = new Snapshot(_module);
        Assert.Equal(_parameters.Select(p => p.Name), now._parameters.Select(p => p.Name));
        Assert.Equal(_buffers.Select(b => b.Name), now._buffers.Select(b => b.Name));
        Assert.All(_parameters.Zip(now._parameters), pair => Assert.Same(pair.First.Parameter, pair.Second.Parameter));
        Assert.All(_buffers.Zip(now._buffers), pair => Assert.Same(pair.First.Buffer, pair.Second.Buffer));
        Assert.Equal(_requiresGrad, now._requiresGrad);
        Assert.Equal(_gradients, now._gradients);
        Assert.Equal(_bytes, now._bytes);
        Assert.Equal(_state, now._state);
        Assert.Equal(_modules.Select(child => child.Name), now._modules.Select(child => child.Name));
        Assert.All(_modules.Zip(now._modules), pair => Assert.Same(pair.First.Module, pair.Second.Module));
        Assert.Equal(_parametrized, now._parametrized);
        Assert.Equal(_hooks, now._hooks);
    }

    /// <summary>Hooks of a module and its children, of all four kinds.</summary>
    public static int HooksOf(nn.Module module) =>
        module
            .modules()
            .Prepend(module)
            .Sum(inner =>
                new[] { "pre_hooks", "post_hooks", "module_pre_hooks", "module_post_hooks" }.Sum(name =>
                    (FieldOf(inner.GetType(), name)?.GetValue(inner) as IDictionary)?.Count ?? 0
                )
            );

    private IEnumerable<Tensor> Tensors() =>
        _parameters.Select(p => (Tensor)p.Parameter).Concat(_buffers.Select(b => b.Buffer));

    private static byte[] Bytes(Tensor tensor) =>
        tensor.device_type == TorchSharp.DeviceType.META || tensor.numel() == 0 ? [] : Near.Bytes(tensor);

    private static FieldInfo? FieldOf(Type? type, string name)
    {
        for (; type is not null; type = type.BaseType)
            if (type.GetField(name, BindingFlags.Instance | BindingFlags.NonPublic | BindingFlags.Public) is { } field)
                return field;
        return null;
    }
}

using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Parametrize.CSharp.Binding;

/// <summary>
/// What a module's field holds instead of a tensor of its own: a placeholder, or the computed tensor while it is needed.
/// It is not registered: the module's state reads as PyTorch's.
/// </summary>
/// <remarks>
/// Modules whose setters register (Linear, convolutions, norms) replace what is in the field when they are moved or
/// assigned to: they dispose it and register the new tensor under its name. Between the two, the module is given a
/// registry to throw away, which puts the real one back when it is written to.
/// </remarks>
internal abstract class StandIn : Parameter
{
    private readonly Slot _slot;
    private bool _retired;

    protected StandIn(Slot slot, Tensor data, bool requiresGrad)
        : base(data, requiresGrad)
    {
        _slot = slot;
        this.DetachFromDisposeScope();
    }

    /// <summary>Disposes it when no registration will follow.</summary>
    public void Retire()
    {
        _retired = true;
        Dispose();
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing && !_retired && _slot.Owner is { } owner)
        {
            _retired = true;
            if (_slot.IsBuffer)
                Divert<(Tensor, bool)>(() => ref ModuleInternals.Buffers(owner));
            else
                Divert<Parameter>(() => ref ModuleInternals.Parameters(owner));
        }
        base.Dispose(disposing);
    }

    private static void Divert<T>(Registry<T> registry)
    {
        var real = registry();
        registry() = ModuleInternals.Watched<T>(() => registry() = real);
    }

    private delegate ref OrderedDict<string, T> Registry<T>();
}

/// <summary>The empty tensor of a field outside a forward pass, so that whatever bypasses the hooks fails loudly.</summary>
internal sealed class Placeholder(Slot slot, ScalarType dtype, Device device)
    : StandIn(slot, torch.empty(0L, dtype: dtype, device: device), requiresGrad: false)
{
    private readonly string _name = slot.Name;

    public override string ToString() =>
        $"'{_name}' is parametrized and has no value outside `call`: read module.parametrization(\"{_name}\").Value.";
}

/// <summary>The computed tensor, no leaf: gradients flow through it.</summary>
internal sealed class Shown(Slot slot, Tensor value) : StandIn(slot, value, value.requires_grad);

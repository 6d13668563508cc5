using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Parametrize.CSharp.Binding;

/// <summary>
/// The empty tensor that stands in a module's field outside a forward pass, so that whatever bypasses the hooks fails
/// loudly. It is not registered: the module's state reads as PyTorch's.
/// </summary>
/// <remarks>
/// Modules whose setters register (Linear, convolutions, norms) replace the placeholder when they are moved: they
/// dispose it and register the moved copy under its name. Between the two, the module is given a registry to throw
/// away, which puts the real one back when it is written to.
/// </remarks>
internal sealed class Placeholder : Parameter
{
    private readonly WeakReference<nn.Module> _owner;
    private readonly string _name;
    private readonly bool _isBuffer;
    private bool _retired;

    public Placeholder(nn.Module owner, string name, bool isBuffer, ScalarType dtype, Device device)
        : base(torch.empty(0L, dtype: dtype, device: device), requires_grad: false)
    {
        _owner = new(owner);
        _name = name;
        _isBuffer = isBuffer;
        this.DetachFromDisposeScope();
    }

    /// <summary>Disposes it when no registration will follow.</summary>
    public void Retire()
    {
        _retired = true;
        Dispose();
    }

    public override string ToString() =>
        $"'{_name}' is parametrized and has no value outside `call`: read module.parametrization(\"{_name}\").Value.";

    protected override void Dispose(bool disposing)
    {
        if (disposing && !_retired && _owner.TryGetTarget(out var owner))
        {
            _retired = true;
            if (_isBuffer)
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

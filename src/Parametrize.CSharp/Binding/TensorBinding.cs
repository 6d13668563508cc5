using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Parametrize.CSharp.Binding;

/// <summary>
/// The modules that compute with a parametrized tensor: none when a module holds it as a field of its own, one, or
/// several that share it. Each has a <see cref="ModuleBinding"/>, and that a <see cref="SlotBinding"/> for each of the
/// module's tensors that is replaced.
/// </summary>
internal sealed class TensorBinding(ParametrizedTensor tensor)
{
    private readonly HeldValue _value = new(tensor);
    private readonly Lock _gate = new();

    /// <summary>
    /// The forward passes that go on in cached scopes. One that threw stays until its thread begins another.
    /// </summary>
    private readonly HashSet<(ModuleBinding Module, int Thread)> _passes = [];

    // Replaced, never changed: threads that compute may be on their way through it.
    private ModuleBinding[] _modules = [];

    /// <summary>The tensor's name in messages, that in its first module.</summary>
    public string? Where => _modules.FirstOrDefault()?.Where;

    /// <summary>How the tensors of modules make it up.</summary>
    public JointLayout? Layout => _modules.FirstOrDefault()?.Layout;

    /// <summary>The modules' own parameters, in whose place it is.</summary>
    public IEnumerable<Parameter> Kept => _modules.SelectMany(module => module.Kept);

    public bool IsOnly(ModuleBinding module) => _modules.All(one => one == module || one.IsGone);

    public void Add(ModuleBinding module) => _modules = [.. _modules.Where(one => !one.IsGone), module];

    public void Remove(ModuleBinding module)
    {
        _modules = [.. _modules.Where(one => one != module && !one.IsGone)];
        if (_modules.Length == 0)
            _value.Forget();
    }

    /// <summary>The module whose state has the tensor in this set.</summary>
    public ModuleBinding In(ParametrizationSet home, string name) => _modules.First(one => one.IsIn(home, name));

    /// <summary>The name under which a module shows this tensor, if it does.</summary>
    public string? NameOf(ParametrizationSet home, string name, Tensor found) => In(home, name).NameOf(found);

    /// <summary>Leaves the modules of a set that is being disposed.</summary>
    /// <returns>Whether others still compute with the tensor.</returns>
    public bool Leave(ParametrizationSet home)
    {
        foreach (var module in _modules.Where(one => one.IsIn(home)))
            module.Release();
        _modules = [.. _modules.Where(one => !one.IsIn(home) && !one.IsGone)];
        return _modules.Length > 0;
    }

    /// <summary>A new tensor for a reader: a view of the held one in a cached scope.</summary>
    public Tensor Read()
    {
        Follow();
        var scope = CachedScope.For(tensor);
        if (scope is not null)
            Hold(scope);
        return _value.Read(scope);
    }

    /// <summary>For a module's own use.</summary>
    public Tensor Alias(CachedScope scope) => _value.Read(scope);

    /// <summary>Computes the value once and puts it into all modules until the scope ends.</summary>
    /// <param name="scope">The scope.</param>
    /// <param name="caller">A module that begins a forward pass; another in the middle of one is left in peace.</param>
    public void Hold(CachedScope scope, ModuleBinding? caller = null)
    {
        lock (_gate)
        {
            if (_value.IsOutdated)
                Renew(scope);
            if (caller is not null)
                _passes.Add((caller, Environment.CurrentManagedThreadId));
        }
        _value.Hold(scope);
        foreach (var module in _modules)
            if (caller is null || module == caller || !module.IsComputing)
                module.Hold(scope);
    }

    /// <summary>A module has ended a forward pass.</summary>
    public void EndPass(ModuleBinding caller)
    {
        lock (_gate)
            _passes.Remove((caller, Environment.CurrentManagedThreadId));
    }

    /// <summary>`state_dict` is asked for: TorchSharp's `load` will write.</summary>
    public void Lend() => _value.Lend();

    /// <summary>Drops the cached value everywhere.</summary>
    public void Forget()
    {
        _value.Forget();
        foreach (var module in _modules)
            module.Forget();
    }

    /// <summary>The tensor has moved by itself; what stands for it in the modules goes along.</summary>
    public void Moved()
    {
        _value.Forget();
        foreach (var module in _modules)
            module.Moved();
    }

    /// <summary>
    /// Sees what others have done to the modules' fields: moving a module has replaced the placeholder by an empty
    /// tensor elsewhere; a user has assigned a tensor, of which the right inverse is taken.
    /// </summary>
    public void Follow()
    {
        List<(ModuleBinding Module, List<Stray> Strays)>? found = null;
        lock (_gate)
            foreach (var module in _modules)
                if (module.TakeStrays() is { } strays)
                    (found ??= []).Add((module, strays));
        if (found is null)
            return;

        // All fields are in order before the tensor moves, which enumerates it, which comes here again.
        foreach (var stray in found.SelectMany(one => one.Strays))
            if (stray is { Found: { } elsewhere } && (stray.HasMoved || !stray.IsAssignment))
            {
                tensor.MoveTo(elsewhere.dtype, elsewhere.device);
                if (!stray.IsAssignment)
                    elsewhere.Dispose();
            }
        foreach (var (module, strays) in found)
            if (strays.Where(stray => stray.IsAssignment).ToList() is { Count: > 0 } assigned)
                module.Assign(assigned);
    }

    /// <summary>Computes again for all. Other threads may be in the middle of a pass with what was shown until now.</summary>
    private void Renew(CachedScope scope)
    {
        _value.Renew();
        _value.Replace(
            [.. _modules.SelectMany(module => module.Renew(scope))],
            areInUse: _passes.Any(pass => pass.Thread != Environment.CurrentManagedThreadId)
        );
    }
}

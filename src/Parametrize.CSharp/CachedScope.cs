using Parametrize.CSharp.Binding;
using Parametrize.CSharp.Grouping;
using Parametrize.CSharp.Torch;
using static TorchSharp.torch;

namespace Parametrize.CSharp;

/// <summary>
/// While it lasts, each parametrized tensor is computed once, on first use, and stands in its module's field: made by
/// <see cref="parametrize.cached()"/>. Flows with async code and into threads that it starts; scopes nest, and those of
/// several threads share what they compute.
/// </summary>
/// <remarks>
/// Assigning, removing, registering, moving and changing between training and evaluation drop a cached value; a scope for a
/// model computes it again at once. Other changes of the parts are seen at the next use: an optimizer's step, TorchSharp's
/// `load_state_dict` or `load`, a write in place, freezing. A use is a `call` of the module or of the scope's model, or reading
/// <see cref="ParametrizedTensor.Value"/>. Until then the field shows the earlier value. Not seen is what others write past
/// libtorch, through `data` or `bytes`, or put there by `set_data`.
/// </remarks>
public sealed class CachedScope : IDisposable
{
    private static readonly AsyncLocal<CachedScope?> Current = new();

    private CachedScope? _outer;
    private HashSet<TensorBinding>? _covered;
    private WeakReference<nn.Module>? _model;
    private IReadOnlyList<ModuleBinding> _inModel = [];
    private readonly List<ICached> _held = [];
    private bool _ended;

    /// <summary>For all.</summary>
    internal CachedScope() =>
        Begin(() =>
        {
            List<TensorBinding> registered = [.. RegisteredTensors.OfThisFlow().Where(tensor => tensor.IsInModules)];
            using var _ = GroupedValues.For(registered);
            foreach (var tensor in registered)
                tensor.TryHold();
        });

    /// <param name="model">The model, at each `call` of which it is seen whether something was written.</param>
    /// <param name="covered">The tensors in it.</param>
    internal CachedScope(nn.Module model, IEnumerable<TensorBinding> covered)
    {
        _covered = [.. covered];
        Begin(() =>
        {
            using var _ = GroupedValues.For([.. _covered]);
            foreach (var tensor in _covered)
                tensor.Hold(this);
            if (!Hooks.CanBeAround(model))
                return;
            _inModel = [.. _covered.SelectMany(tensor => tensor.Modules)];
            PassHooks.Add(model, _inModel);
            foreach (var binding in _inModel)
                binding.NoteModel(model);
            _model = new(model);
        });
    }

    /// <summary>One that cannot hold its tensors has ended.</summary>
    private void Begin(Action hold)
    {
        _outer = Current.Value;
        _outer?.Next();
        Current.Value = this;
        try
        {
            hold();
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Ends the scope: the cached tensors are disposed and the fields emptied. A second call does nothing.</summary>
    public void Dispose()
    {
        ICached[] held;
        lock (_held)
        {
            if (_ended)
                return;
            _ended = true;
            held = [.. _held];
            _held.Clear();
        }
        if (ReferenceEquals(Current.Value, this))
            Current.Value = Next();
        if (_model is not null && _model.TryGetTarget(out var model))
            PassHooks.Leave(model, _inModel);
        // Whatever has started in it goes on holding the scope, which is not to hold the model.
        _inModel = [];
        if (IsOfModel)
            _covered = [];
        Every.FromTheLast<ICached>(held, cached => cached.Release(this));
    }

    /// <summary>The next one that lasts: scopes may end in any order, and those that have ended are let go.</summary>
    private CachedScope? Next()
    {
        while (_outer is { _ended: true } ended)
            _outer = ended._outer;
        return _outer;
    }

    /// <summary>Whether it was made for a model, whose fields show values at all times.</summary>
    internal bool IsOfModel => _covered is not null;

    /// <summary>The outermost live scope that covers the tensor, so that an inner one ending drops nothing.</summary>
    internal static CachedScope? For(TensorBinding tensor)
    {
        CachedScope? found = null;
        for (var scope = Current.Value; scope is not null; scope = scope.Next())
            if (!scope._ended && (scope._covered is null || scope._covered.Contains(tensor)))
                found = scope;
        return found;
    }

    /// <summary>Lets it know of the end of the scope; false when that is past.</summary>
    internal bool Add(ICached cached)
    {
        lock (_held)
        {
            if (!_ended)
                _held.Add(cached);
            return !_ended;
        }
    }
}

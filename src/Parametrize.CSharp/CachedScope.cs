using Parametrize.CSharp.Binding;
using Parametrize.CSharp.Grouping;

namespace Parametrize.CSharp;

/// <summary>
/// While the scope lasts, each parametrized tensor is computed once and stands in its module's field. `cached(model)` computes
/// the tensors of the model when it opens. <see cref="parametrize.cached()"/> then computes those that the present thread or task
/// has registered; all others, and those that learn or draw random numbers, are computed at their first use. The scope flows with
/// async code and into threads that this code starts. Scopes nest, and the scopes of several threads share the computed values.
/// </summary>
/// <remarks>
/// Assigning, removing, registering, moving and changing between training and evaluation drop a cached value; a scope for a model
/// computes it again at once. Other changes of the parts are seen at the next use: an optimizer's step, TorchSharp's
/// `load_state_dict` or `load`, a write in place, freezing. A use is a `call` of the module or of the scope's model, or reading
/// <see cref="ParametrizedTensor.Value"/>. Until then the field shows the earlier value. Writes that bypass libtorch, through
/// `data` or `bytes`, are not noticed.
/// </remarks>
public sealed class CachedScope : IDisposable
{
    private static readonly AsyncLocal<CachedScope?> Current = new();

    private CachedScope? _outer;
    private HashSet<TensorBinding>? _covered;
    private WeakReference<nn.Module>? _model;
    private IReadOnlyList<ModuleBinding> _inModel = [];
    private readonly List<TensorBinding> _held = [];
    private bool _ended;

    /// <summary>A scope of all tensors of this execution context.</summary>
    internal CachedScope() =>
        Begin(() =>
        {
            List<TensorBinding> registered = [.. RegisteredTensors.OfThisFlow().Where(tensor => tensor.IsInModules)];
            using var _ = GroupedValues.For(registered);
            foreach (var tensor in registered)
                tensor.TryHold();
        });

    /// <param name="model">The model. Each `call` of it checks whether the parts were written to.</param>
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

    /// <summary>Opens the scope. A scope that cannot hold its tensors ends at once.</summary>
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
        TensorBinding[] held;
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
        // Tasks that were started in the scope keep it alive. It must not keep the model alive.
        _inModel = [];
        if (IsOfModel)
            _covered = [];
        Every.FromTheLast<TensorBinding>(held, tensor => tensor.Release(this));
    }

    /// <summary>
    /// The next outer scope that is still open. Scopes may end in any order; ended ones are skipped and released.
    /// </summary>
    private CachedScope? Next()
    {
        while (_outer is { _ended: true } ended)
            _outer = ended._outer;
        return _outer;
    }

    /// <summary>Whether the scope was made for a model: then the fields show values all the time.</summary>
    internal bool IsOfModel => _covered is not null;

    /// <summary>The outermost open scope that covers the tensor. So the value is not dropped when an inner scope ends.</summary>
    internal static CachedScope? For(TensorBinding tensor)
    {
        CachedScope? found = null;
        for (var scope = Current.Value; scope is not null; scope = scope.Next())
            if (!scope._ended && (scope._covered is null || scope._covered.Contains(tensor)))
                found = scope;
        return found;
    }

    /// <summary>Adds a tensor whose value is held until the scope ends; false when the scope has ended already.</summary>
    internal bool Add(TensorBinding tensor)
    {
        lock (_held)
        {
            if (!_ended)
                _held.Add(tensor);
            return !_ended;
        }
    }
}

using Parametrize.CSharp.Threads;
using Parametrize.CSharp.Values;

namespace Parametrize.CSharp.Registration;

/// <summary>
/// A change of a model that is fully prepared: `Commit` cannot fail. `Dispose` without `Commit` leaves the model unchanged.
/// </summary>
internal interface IPrepared : IDisposable
{
    void Commit();
}

/// <summary>Several changes: all or none.</summary>
internal sealed class Prepared : IPrepared
{
    private readonly List<IPrepared> _changes = [];

    private Prepared() { }

    /// <summary>Prepares one change after another; when one fails, those before it are disposed.</summary>
    /// <param name="changes">The changes; enumerating them prepares them.</param>
    public static Prepared All(IEnumerable<IPrepared> changes)
    {
        var all = new Prepared();
        try
        {
            all._changes.AddRange(changes);
            return all;
        }
        catch
        {
            all.Dispose();
            throw;
        }
    }

    /// <summary>Prepares changes of these tensors and commits all, while no other thread uses them.</summary>
    public static void CommitAll(IEnumerable<TensorPath> paths, Func<IEnumerable<IPrepared>> changes)
    {
        List<TensorPath> named = [.. paths];
        using var alone = TensorAccess.WritingAll(() => [.. named.SelectMany(path => path.Accesses)]);
        using var all = All(changes());
        all.Commit();
    }

    public void Commit()
    {
        using var _ = ModelTree.Structure.EnterScope();
        _changes.ForEach(change => change.Commit());
    }

    public void Dispose() => _changes.ForEach(change => change.Dispose());
}

/// <summary>Prepared new parts of a parametrized tensor, which may get more nodes as well.</summary>
/// <param name="tensor">The tensor.</param>
/// <param name="next">The new value and parts.</param>
/// <param name="path">
/// The path by which it was registered again; the modules on it then compute the tensor for their passes, too. Null when it was not
/// registered again.
/// </param>
internal sealed class PreparedParts(ParametrizedTensor tensor, Continuation next, TensorPath? path = null) : IPrepared
{
    public void Commit()
    {
        tensor.Apply(next);
        path?.AddCallers();
    }

    /// <summary>Disposes the parts that the tensor has not taken over.</summary>
    public void Dispose() => next.Parts.Discard(except: tensor.Tensors);
}

/// <summary>
/// Prepared sharing: a module will compute with the parametrized tensor of another module, in place of a plain tensor.
/// </summary>
/// <param name="path">The plain tensor.</param>
/// <param name="shared">The parametrized tensor. It may be made by a change that is committed before this one.</param>
/// <param name="dimension">The dimension along which several plain tensors are joined.</param>
internal sealed class PreparedSharing(TensorPath path, Func<ParametrizedTensor> shared, int dimension) : IPrepared
{
    private readonly PlainTensor _plain = new(path, dimension);

    /// <summary>Throws when the plain tensor is of another kind.</summary>
    public void RequireLike(ParametrizedTensor tensor)
    {
        var (own, other) = (
            FormModule.ofTensor(_plain.Value),
            Core.form(tensor.Parametrization, tensor.CurrentParts())
        );
        if (!own.Equals(other) || _plain.IsBuffer != tensor.IsBuffer)
            throw new ArgumentException(
                $"{path} is a {Kind(_plain.IsBuffer)}, {own}; the shared tensor is a {Kind(tensor.IsBuffer)}, {other}. "
                    + "Tensors that share one have to be of its kind, shape, element type and device.",
                nameof(tensor)
            );
    }

    public void Commit()
    {
        using var lasting = Modes.Lasting();
        var tensor = shared();
        using var alone = tensor.Binding.Access.Writing();
        _plain.Bind(tensor);
    }

    public void Dispose() => _plain.Dispose();

    private static string Kind(bool isBuffer) => isBuffer ? "buffer" : "parameter";
}

/// <summary>Prepared registration: a plain tensor will be computed from parts.</summary>
internal sealed class PreparedBinding : IPrepared
{
    private readonly TensorPath _path;
    private readonly PlainTensor _plain;
    private readonly ParametrizedTensor _tensor;

    /// <summary>The starting value of the module's own tensor, when that becomes a parameter.</summary>
    private readonly Tensor? _start;
    private bool _isCommitted;

    /// <summary>Throws when the tensor cannot be registered.</summary>
    public PreparedBinding(TensorPath path, Parametrization value, Func<Tensor, Parts> startingParts, int dimension)
    {
        (_path, _plain) = (path, new(path, dimension));
        Parts? parts = null;
        try
        {
            using var lasting = Modes.Lasting();
            parts = startingParts(_plain.Value);
            var own = _plain.Layout.IsJoint ? null : _plain.Value;
            // An adapter is trained, although the weight that it changes is frozen.
            var isTrained = _plain.IsTrained ? null : Adapter.trained(value);
            _tensor = new(value, parts, own, _plain.IsBuffer, isTrained);
        }
        catch
        {
            parts?.Discard();
            _plain.Dispose();
            throw;
        }
        _tensor.train(path.Caller!.training);
        _start = _tensor.Reused < 0 ? null : parts.Parameters[_tensor.Reused];
        RequireWritable();
    }

    /// <summary>
    /// Throws, and frees what was prepared, when libtorch refuses writes to the tensor (one made in inference mode). It tries a
    /// write of no entries.
    /// </summary>
    private void RequireWritable()
    {
        using var lasting = Modes.Lasting(); // In inference mode itself, its tensors could be written to.
        using var _ = no_grad();
        using var handles = NewDisposeScope(); // TorchSharp makes a new one for an operation in place.
        try
        {
            foreach (var tensor in _plain.Tensors)
                tensor.as_strided([0], [1]).zero_();
        }
        catch (ExternalException error)
        {
            Dispose();
            throw new NotSupportedException(
                $"{_path} was made in inference mode, and libtorch cannot train such tensors. Make the module outside inference mode.",
                error
            );
        }
    }

    public void Commit()
    {
        using var lasting = Modes.Lasting();
        // A thread that calls the module from now on waits until the numbers are in place.
        using var alone = _tensor.Binding.Access.Writing();
        _isCommitted = true;
        if (!_plain.IsTrained && _plain.Value.requires_grad)
            _plain.Value.requires_grad = false; // Frozen where the module computes with it, not in the registry.
        _plain.Bind(_tensor);
        if (_start is not null)
        {
            Registrar.Overwrite(_plain.Value, _start);
            _tensor.SettleWrites();
        }
    }

    public void Dispose()
    {
        _start?.Dispose();
        if (!_isCommitted)
            _tensor.Abandon();
        _plain.Dispose();
    }
}

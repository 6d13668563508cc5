using Parametrize.CSharp.Torch;
using Parametrize.CSharp.Values;
using static TorchSharp.torch;

namespace Parametrize.CSharp.Registration;

/// <summary>A plain tensor that is to be computed from parts, which may depend on it.</summary>
internal sealed class PreparedBinding : IPrepared
{
    private readonly TensorPath _path;
    private readonly PlainTensor _plain;
    private readonly ParametrizedTensor _tensor;

    /// <summary>What the module's own tensor starts from, where that becomes a parameter.</summary>
    private readonly Tensor? _start;
    private bool _isCommitted;

    /// <summary>Throws when the tensor cannot be computed so.</summary>
    public PreparedBinding(TensorPath path, Parametrization value, Func<Tensor, Parts> startingParts, int dimension)
    {
        (_path, _plain) = (path, new(path, dimension));
        Parts? parts = null;
        try
        {
            using var lasting = Modes.Lasting();
            parts = startingParts(_plain.Value);
            var own = _plain.Layout.IsJoint ? null : _plain.Value;
            _tensor = new(value, parts, own, _plain.IsBuffer, _plain.IsTrained);
            _tensor.train(path.Caller!.training);
        }
        catch
        {
            parts?.Discard();
            _plain.Dispose();
            throw;
        }
        _start = _tensor.Reused < 0 ? null : parts.Parameters[_tensor.Reused];
    }

    public void Commit()
    {
        using var lasting = Modes.Lasting();
        // A thread that calls the module from now on waits until the numbers are in place.
        using var alone = _tensor.Binding.Access.Writing();
        _isCommitted = true;
        _plain.Bind(_tensor);
        if (_start is not null)
            Registrar.Overwrite(_plain.Value, _start);
    }

    public void Dispose()
    {
        _start?.Dispose();
        if (!_isCommitted)
            _tensor.Abandon();
        _plain.Dispose();
    }
}

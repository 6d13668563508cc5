using Parametrize.CSharp.Torch;
using static TorchSharp.torch;
using Core = Parametrize.ParametrizationModule;

namespace Parametrize.CSharp.Values;

/// <summary>
/// Tells whether what nodes have converged to, the singular vectors of a spectral norm, is out of date because something else
/// than training has written to the parameters: averaging, `init`, `copy_`.
/// </summary>
/// <remarks>
/// Only in evaluation: an optimizer has written since the last training pass as a rule, and PyTorch goes on with the vectors
/// of that pass. A step in evaluation is told by the gradient, which has changed; a loaded state by the vectors, which were
/// written as well.
/// </remarks>
internal sealed class OutsideWrites
{
    private readonly Func<bool> _isTraining;
    private readonly Tensor[] _inputs;
    private readonly Tensor[] _learnt;
    private readonly Tensor[] _others;
    private (long Others, long Learnt, double Gradient) _settled;

    /// <param name="parametrization">What computes.</param>
    /// <param name="inputs">The parameters.</param>
    /// <param name="buffers">Those of each node.</param>
    /// <param name="isTraining">Whether the tensor is in training.</param>
    public OutsideWrites(Parametrization parametrization, Tensor[] inputs, Tensor[][] buffers, Func<bool> isTraining)
    {
        (_inputs, _isTraining) = (inputs, isTraining);
        _learnt =
        [
            .. Core.nodes(parametrization)
                .Zip(buffers)
                .Where(row => row.First is IConverges)
                .SelectMany(row => row.Second),
        ];
        _others = [.. inputs.Concat(buffers.SelectMany(row => row)).Except(_learnt)];
        Settle();
    }

    /// <summary>Whether there are writes that may have to be followed.</summary>
    public bool AreSeen =>
        _learnt.Length > 0
        && !_isTraining()
        && !Array.Exists(_others, other => other.IsInvalid)
        && Versions.Of(_others) != _settled.Others
        && Array.TrueForAll(_learnt, vector => vector.IsOfTheKindOf(_inputs[0])); // Not in the middle of a move.

    /// <summary>All is in order now.</summary>
    public void Settle()
    {
        if (_learnt.Length > 0 && !_isTraining())
            _settled = (Versions.Of(_others), Versions.Of(_learnt), Gradient());
    }

    /// <summary>Takes note of what was written; whether it was something else than training or loading.</summary>
    public bool Take()
    {
        var before = _settled;
        Settle();
        var isStep = _settled.Gradient != 0 && _settled.Gradient != before.Gradient;
        return _settled.Learnt == before.Learnt && !isStep;
    }

    /// <summary>A number that is another for other gradients; 0 where there is none.</summary>
    private double Gradient()
    {
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        return _inputs.Sum(input => input.is_leaf && input.grad is { } gradient ? Size(gradient) : 0);
    }

    private static double Size(Tensor gradient) => gradient.abs().sum().to(ScalarType.Float64).item<double>();
}

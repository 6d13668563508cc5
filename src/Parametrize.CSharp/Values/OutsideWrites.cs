namespace Parametrize.CSharp.Values;

/// <summary>
/// Tells whether converged buffers (the singular vectors of a spectral norm) are stale, because something other than training has
/// written to the parameters: averaging, `init`, `copy_`.
/// </summary>
/// <remarks>
/// It looks in evaluation only: an optimizer has usually written since the last training pass, and PyTorch goes on with the vectors
/// of that pass. An optimizer step in evaluation is recognized by a changed gradient; a loaded state by the vectors, which were
/// written as well.
/// </remarks>
internal sealed class OutsideWrites
{
    private readonly Func<bool> _isTraining;
    private readonly Tensor[] _inputs;
    private readonly Tensor[] _learnt;
    private readonly Tensor[] _others;
    private (long Others, long Learnt, double Gradient) _settled;

    private OutsideWrites(Tensor[] inputs, Tensor[][] buffers, Tensor[] learnt, Func<bool> isTraining)
    {
        (_inputs, _learnt, _isTraining) = (inputs, learnt, isTraining);
        _others = [.. inputs.Concat(buffers.SelectMany(row => row)).Except(learnt)];
        Settle();
    }

    /// <summary>Null for a value without buffers that converge.</summary>
    /// <param name="parametrization">The value.</param>
    /// <param name="inputs">The parameters.</param>
    /// <param name="buffers">The buffers of each node.</param>
    /// <param name="isTraining">Whether the tensor is in training.</param>
    public static OutsideWrites? Of(
        Parametrization parametrization,
        Tensor[] inputs,
        Tensor[][] buffers,
        Func<bool> isTraining
    )
    {
        Tensor[] learnt =
        [
            .. Core.nodes(parametrization)
                .Zip(buffers)
                .Where(row => row.First is IConverges)
                .SelectMany(row => row.Second),
        ];
        return learnt.Length == 0 ? null : new(inputs, buffers, learnt, isTraining);
    }

    /// <summary>Whether there are writes after which the buffers may be stale.</summary>
    public bool AreSeen =>
        !_isTraining()
        && !Array.Exists(_others, other => other.IsInvalid)
        && Versions.Of(_others) != _settled.Others
        && Array.TrueForAll(_learnt, vector => vector.HasSameTypeAndDevice(_inputs[0])); // Not in the middle of a move.

    /// <summary>Records the present versions: the buffers are up to date.</summary>
    public void Settle()
    {
        if (!_isTraining())
            _settled = (Versions.Of(_others), Versions.Of(_learnt), Gradient());
    }

    /// <summary>
    /// Records the present versions. True when the parameters were written to by neither an optimizer step nor a load since the
    /// last call.
    /// </summary>
    public bool Take()
    {
        var before = _settled;
        Settle();
        var isStep = _settled.Gradient != 0 && _settled.Gradient != before.Gradient;
        return _settled.Learnt == before.Learnt && !isStep;
    }

    /// <summary>A checksum of the gradients, to see whether they have changed; 0 without gradients.</summary>
    private double Gradient()
    {
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        return _inputs.Sum(input => input.is_leaf && input.grad is { } gradient ? Size(gradient) : 0);
    }

    private static double Size(Tensor gradient) => gradient.abs().sum().to(ScalarType.Float64).item<double>();
}

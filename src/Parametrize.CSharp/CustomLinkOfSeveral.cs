using static TorchSharp.torch;

namespace Parametrize.CSharp;

/// <summary>
/// A parametrization of one's own that computes one tensor from several, which state dictionaries call <c>original0</c>,
/// <c>original1</c>, ... It is the first of its chain. Wrap it by <see cref="Parametrizations.Of"/>.
/// </summary>
public abstract class CustomLinkOfSeveral : SetLink
{
    private readonly int _inputCount;

    /// <param name="code">How it is typed, with its options: equal for equal links of the class, else different.</param>
    /// <param name="space">What the map yields, in words.</param>
    /// <param name="inputCount">How many tensors are trained; at least 1.</param>
    /// <exception cref="ArgumentOutOfRangeException">The count is not positive.</exception>
    protected CustomLinkOfSeveral(string code, string space, int inputCount)
        : base(code, space)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(inputCount);
        _inputCount = inputCount;
    }

    /// <inheritdoc/>
    public sealed override int InputCount => _inputCount;

    /// <summary>The constrained tensor, differentiable. Intermediate tensors are disposed by the caller.</summary>
    protected abstract Tensor Forward(Tensor[] inputs);

    /// <summary>
    /// Inputs that <see cref="Forward(Tensor[])"/> maps to this tensor, or near it where there are none: as many as there
    /// are inputs, of shapes that depend on its shape only.
    /// </summary>
    protected abstract Tensor[] RightInverse(Tensor value);

    private protected sealed override Tensor Map(Tensor[] inputs) => Forward(inputs);

    private protected sealed override Tensor[] Inverse(Tensor value) => RightInverse(value);
}

namespace Parametrize.CSharp;

/// <summary>
/// A parametrization of your own that computes one tensor from several, which are named <c>original0</c>, <c>original1</c>, ... in
/// state dictionaries. Wrap it by <see cref="Parametrizations.Of"/>.
/// </summary>
public abstract class CustomNodeOfSeveral : CustomNodeBase
{
    /// <param name="code">
    /// The text of the node: its name and its options. Nodes of one class are equal if their texts are.
    /// </param>
    /// <param name="space">The codomain of the map, in words.</param>
    /// <param name="inputCount">How many tensors are trained; at least 1.</param>
    /// <exception cref="ArgumentOutOfRangeException">The count is not positive.</exception>
    protected CustomNodeOfSeveral(string code, string space, int inputCount)
        : this(code, new Space(space), inputCount) { }

    /// <param name="code">
    /// The text of the node: its name and its options. Nodes of one class are equal if their texts are.
    /// </param>
    /// <param name="codomain">The codomain of the map: a space of <see cref="Spaces"/>, or one of your own.</param>
    /// <param name="inputCount">How many tensors are trained; at least 1.</param>
    /// <exception cref="ArgumentOutOfRangeException">The count is not positive.</exception>
    protected CustomNodeOfSeveral(string code, Space codomain, int inputCount)
        : base(code, codomain, Enumerable.Repeat(Domain.AnySpace, AtLeastOne(inputCount))) { }

    /// <summary>The shapes of the inputs for an output of that shape. Every right inverse needs them.</summary>
    /// <exception cref="ArgumentException">The node cannot yield a tensor of that shape.</exception>
    protected abstract IReadOnlyList<long[]> InputShapes(long[] shape);

    /// <summary>The shape of the output for inputs of these shapes. Default: that of the last input.</summary>
    protected virtual long[] OutputShape(IReadOnlyList<long[]> inputs) => inputs[^1];

    /// <inheritdoc/>
    public sealed override FSharpResult<FSharpList<Form>, ParametrizationError> Inputs(Form output) =>
        InputsOf(output, InputShapes);

    /// <inheritdoc/>
    public sealed override Form Output(FSharpList<Form> inputs) =>
        new(OutputShape([.. inputs.Select(input => input.Shape)]), inputs[^1].Dtype, inputs[^1].Device);

    /// <summary>The constrained tensor, differentiable. Intermediate tensors are disposed by the caller.</summary>
    protected abstract Tensor Forward(Tensor[] inputs);

    /// <summary>The same function for a node with buffers. Default: the function without them.</summary>
    protected virtual Tensor Forward(Tensor[] inputs, IReadOnlyList<Tensor> carried) => Forward(inputs);

    /// <summary>
    /// Inputs that <see cref="Forward(Tensor[])"/> maps to this tensor, or to one near it if no inputs yield it exactly. Their
    /// shapes are those of <see cref="InputShapes"/>.
    /// </summary>
    protected abstract Tensor[] RightInverse(Tensor value);

    /// <summary>The same function for a node with buffers. Default: the function without them.</summary>
    protected virtual Tensor[] RightInverse(Tensor value, IReadOnlyList<Tensor> carried) => RightInverse(value);

    private protected sealed override Tensor Map(Tensor[] inputs, Tensor[] buffers) =>
        buffers.Length == 0 ? Forward(inputs) : Forward(inputs, (IReadOnlyList<Tensor>)buffers);

    private protected sealed override Tensor[] Inverse(Tensor value, Tensor[] buffers) =>
        buffers.Length == 0 ? RightInverse(value) : RightInverse(value, (IReadOnlyList<Tensor>)buffers);

    private protected sealed override Tensor[] Started(Tensor value, Tensor[] buffers) => Inverse(value, buffers);

    private static int AtLeastOne(int inputCount)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(inputCount);
        return inputCount;
    }
}

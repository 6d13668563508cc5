namespace Parametrize.CSharp;

/// <summary>
/// A parametrization of one's own: a map from any tensor onto a set of tensors of the same shape, and a right inverse of
/// it. Wrap it by <see cref="Parametrizations.Of"/>. To compute one tensor from several there is
/// <see cref="CustomNodeOfSeveral"/>.
/// </summary>
public abstract class CustomNode : CustomNodeBase
{
    /// <param name="code">
    /// The text of the node: its name and its options. Nodes of one class are equal if their texts are.
    /// </param>
    /// <param name="space">The codomain of the map, in words.</param>
    protected CustomNode(string code, string space)
        : this(code, new Space(space)) { }

    /// <param name="code">
    /// The text of the node: its name and its options. Nodes of one class are equal if their texts are.
    /// </param>
    /// <param name="codomain">The codomain of the map: a space of <see cref="Spaces"/>, or one of your own.</param>
    /// <param name="domain">
    /// The spaces that may stand before the node. Default: all; tensors are checked when they are registered.
    /// </param>
    protected CustomNode(string code, Space codomain, Domain? domain = null)
        : base(code, codomain, [domain ?? Domain.AnySpace]) { }

    /// <summary>
    /// Refuses a shape that the map cannot yield by an ArgumentException, whose text follows the word "expects": `throw new
    /// ArgumentException("square matrices")`. Default: every shape is taken.
    /// </summary>
    protected virtual void RequireShape(long[] shape) { }

    /// <inheritdoc/>
    public sealed override FSharpResult<FSharpList<Form>, ParametrizationError> Inputs(Form output) =>
        InputsOf(
            output,
            shape =>
            {
                RequireShape(shape);
                return [shape];
            }
        );

    /// <summary>The constrained tensor, differentiable. Intermediate tensors are disposed by the caller.</summary>
    protected abstract Tensor Forward(Tensor input);

    /// <summary>The same function for a node with buffers. Default: the function without them.</summary>
    protected virtual Tensor Forward(Tensor input, Tensor[] carried) => Forward(input);

    /// <summary>An input that the map turns into this tensor, or into one near it when there is no exact one.</summary>
    protected abstract Tensor RightInverse(Tensor value);

    /// <summary>The same function for a node with buffers. Default: the function without them.</summary>
    protected virtual Tensor RightInverse(Tensor value, Tensor[] carried) => RightInverse(value);

    private protected sealed override Tensor Map(Tensor[] inputs, Tensor[] buffers) =>
        buffers.Length == 0 ? Forward(inputs[0]) : Forward(inputs[0], buffers);

    private protected sealed override Tensor[] Inverse(Tensor value, Tensor[] buffers) =>
        [buffers.Length == 0 ? RightInverse(value) : RightInverse(value, buffers)];

    private protected sealed override Tensor[] Started(Tensor value, Tensor[] buffers) => [value.clone()];
}

namespace Parametrize.CSharp;

/// <summary>A buffer of your own node: a tensor that is saved, but not trained.</summary>
/// <param name="Name">Its name in the state, behind the position of the node: <c>0.offset</c>.</param>
/// <param name="Initial">Makes the buffer, given the form of the node's output.</param>
/// <param name="Shape">The shape of the buffer, given the shape of the node's output. Default: the same.</param>
/// <param name="Role">The role of the buffer in the node. Default: a constant.</param>
public sealed record Carried(
    string Name,
    Func<Form, Tensor> Initial,
    Func<long[], long[]>? Shape = null,
    BufferRole? Role = null
)
{
    internal Parametrize.Buffer AsBuffer() =>
        new(
            Name,
            Role ?? BufferRole.Constant,
            FuncConvert.FromFunc<Form, Form>(form =>
                new(Shape?.Invoke(form.Shape) ?? form.Shape, form.Dtype, form.Device)
            )
        );
}

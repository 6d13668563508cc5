using Microsoft.FSharp.Core;
using static TorchSharp.torch;

namespace Parametrize.CSharp;

/// <summary>A tensor that a node of one's own carries beside those that are trained.</summary>
/// <param name="Name">Its name in the state, behind the position of the node: <c>0.offset</c>.</param>
/// <param name="Initial">Makes it, given the form of the tensor that the node yields.</param>
/// <param name="Shape">Its shape, given that of the tensor that the node yields. Default: the same.</param>
/// <param name="Role">What it is to the node. Default: a constant.</param>
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

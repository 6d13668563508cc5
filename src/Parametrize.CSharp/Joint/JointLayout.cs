using TorchSharp;
using static TorchSharp.torch;

namespace Parametrize.CSharp;

/// <summary>
/// How the tensors of a joint one make it up: as matrices side by side (dimension 1), each of its first dimension and the
/// rest, so that a bias is a column; or on top of each other (dimension 0). One tensor alone makes up itself.
/// </summary>
internal sealed class JointLayout
{
    private readonly IReadOnlyList<string> _names;
    private readonly long[][] _shapes;

    private JointLayout(IReadOnlyList<string> names, long[][] shapes, int dimension) =>
        (_names, _shapes, Dimension) = (names, shapes, dimension);

    public int Dimension { get; }

    public bool IsJoint => _shapes.Length > 1;

    /// <summary>Throws ArgumentException when the tensors do not fit.</summary>
    public static JointLayout Of(IReadOnlyList<string> names, IReadOnlyList<Tensor> tensors, int dimension)
    {
        if (dimension is not (0 or 1))
            throw new ArgumentOutOfRangeException(
                nameof(dimension),
                dimension,
                "Tensors are joined side by side (1) or on top of each other (0)."
            );
        var layout = new JointLayout(names, [.. tensors.Select(tensor => tensor.shape)], dimension);
        if (layout.IsJoint)
            for (var index = 0; index < tensors.Count; index++)
                layout.RequireFit(index, tensors[index], tensors[0]);
        return layout;
    }

    /// <summary>A new tensor; of one alone, itself.</summary>
    /// <exception cref="ArgumentException">A tensor has another shape than the member that it is for.</exception>
    public Tensor Join(IReadOnlyList<Tensor> tensors)
    {
        foreach (var (index, tensor) in tensors.Index())
            if (!tensor.shape.SequenceEqual(_shapes[index]))
                throw new ArgumentException(
                    $"{_names[index]} has shape {Form.Shown(_shapes[index])}, but a tensor of shape "
                        + $"{Form.Shown(tensor.shape)} was given for it."
                );
        if (!IsJoint)
            return tensors[0];
        using var scope = NewDisposeScope();
        return cat([.. tensors.Select(AsBlock)], Dimension).MoveToOuterDisposeScope();
    }

    /// <summary>The members of a joint tensor, which is used up: views where its strides allow it.</summary>
    public Tensor[] Divide(Tensor joint)
    {
        if (!IsJoint)
            return [joint];
        using var _ = joint;
        var start = 0L;
        return
        [
            .. _shapes.Select(shape =>
            {
                var length = Length(shape);
                using var block = joint.narrow(Dimension, start, length);
                start += length;
                return block.reshape(shape);
            }),
        ];
    }

    /// <summary>As the block of the joint tensor that it is.</summary>
    private Tensor AsBlock(Tensor tensor) =>
        Dimension == 0 ? tensor : tensor.reshape(tensor.shape[0], Length(tensor.shape));

    private long Length(long[] shape) =>
        Dimension == 0 ? shape[0] : shape.Skip(1).Aggregate(1L, (product, size) => product * size);

    private void RequireFit(int index, Tensor tensor, Tensor first)
    {
        var shape = _shapes[index];
        var fits = shape.Length > 0 && _shapes[0].Length > 0 && (Dimension == 0 ? Rest(shape) : Rows(shape));
        if (!fits)
            throw new ArgumentException(
                $"{_names[index]} of shape {Form.Shown(shape)} cannot be joined to {_names[0]} of shape "
                    + $"{Form.Shown(_shapes[0])} along dimension {Dimension}: "
                    + (Dimension == 0 ? "all dimensions but the first" : "the first dimensions")
                    + " have to be equal."
            );
        if (!tensor.IsOfTheKindOf(first) || tensor.requires_grad != first.requires_grad)
            throw new ArgumentException(
                $"{_names[index]} ({Kind(tensor)}) cannot be joined to {_names[0]} ({Kind(first)}): element type, device "
                    + "and requires_grad have to be equal."
            );

        bool Rest(long[] other) => other.AsSpan(1).SequenceEqual(_shapes[0].AsSpan(1));
        bool Rows(long[] other) => other[0] == _shapes[0][0];
        static string Kind(Tensor one) =>
            $"{one.dtype} on {one.device}, {(one.requires_grad ? "trained" : "not trained")}";
    }
}

namespace Parametrize.CSharp.Joint;

/// <summary>
/// The name of a joint tensor: the names of its members with a plus between them, such as `weight+bias`; in a native module
/// `self_attn.in_proj_weight+in_proj_bias`.
/// </summary>
internal static class JointName
{
    private const char Plus = '+';

    /// <summary>Throws ArgumentException for names of several modules, and for none.</summary>
    public static string Of(IReadOnlyList<string> names)
    {
        if (names.Count == 0 || names.Any(string.IsNullOrEmpty))
            throw new ArgumentException("Names of tensors were expected: weight, bias.", nameof(names));
        var prefix = Prefix(names[0]);
        if (names.FirstOrDefault(name => Prefix(name) != prefix) is { } stray)
            throw new ArgumentException($"{names[0]} and {stray} are not of one module.", nameof(names));
        return prefix + string.Join(Plus, names.Select(name => name[prefix.Length..]));
    }

    public static bool IsOfSeveral(string name) => name.Contains(Plus);

    /// <summary>The names of the members; for a single tensor, its own name.</summary>
    public static string[] Members(nn.Module owner, string name)
    {
        if (!IsOfSeveral(name) || ModuleInternals.HasTensor(owner, name))
            return [name];
        var members = Members(name);
        if (members.Any(member => member.Length == Prefix(member).Length))
            throw new ArgumentException(
                $"'{name}' has a plus without a name beside it. Names of a joint tensor are like 'weight+bias'.",
                nameof(name)
            );
        return [members[0], .. members.Skip(1).Select(member => Prefix(members[0]) + member)];
    }

    public static string[] Members(string name) => name.Split(Plus);

    /// <summary>The keys of the members of a joint tensor, from its own: `fc.weight+bias`.</summary>
    public static string[] Keys(string key) =>
        [.. Members(key[Prefix(key).Length..]).Select(name => Prefix(key) + name)];

    private static string Prefix(string name) => name[..(name.LastIndexOf('.') + 1)];
}

/// <summary>
/// How a joint tensor is joined from its members. Along dimension 1 they stand side by side: each member is a matrix whose rows are
/// its first dimension, so that a bias is a column. Along dimension 0 they stand on top of each other. A single tensor has a layout
/// of one member.
/// </summary>
internal sealed class JointLayout
{
    private readonly IReadOnlyList<string> _names;
    private readonly long[][] _shapes;

    private JointLayout(IReadOnlyList<string> names, long[][] shapes, int dimension) =>
        (_names, _shapes, Dimension) = (names, shapes, dimension);

    public int Dimension { get; }

    public bool IsJoint => _shapes.Length > 1;

    /// <summary>The shapes of the members.</summary>
    public IReadOnlyList<long[]> MemberShapes => _shapes;

    /// <summary>The shape of the joint tensor.</summary>
    public long[] Shape =>
        !IsJoint ? _shapes[0]
        : Dimension == 0 ? [_shapes.Sum(Length), .. _shapes[0].Skip(1)]
        : [_shapes[0][0], _shapes.Sum(Length)];

    /// <summary>The layouts in which the tensors can be joined: side by side, on top of each other, both, or none.</summary>
    public static List<JointLayout> All(IReadOnlyList<string> names, IReadOnlyList<Tensor> tensors)
    {
        int[] dimensions = [1, 0];
        return
        [
            .. dimensions
                .Select(dimension => new JointLayout(names, Shapes(tensors), dimension))
                .Where(layout => layout.Misfit(tensors) is null),
        ];
    }

    /// <summary>Throws ArgumentException when the tensors do not fit.</summary>
    public static JointLayout Of(IReadOnlyList<string> names, IReadOnlyList<Tensor> tensors, int dim)
    {
        if (dim is not (0 or 1))
            throw new ArgumentOutOfRangeException(
                nameof(dim),
                dim,
                "Tensors are joined side by side (1) or on top of each other (0)."
            );
        var layout = new JointLayout(names, Shapes(tensors), dim);
        return layout.Misfit(tensors) is { } misfit ? throw new ArgumentException(misfit) : layout;
    }

    /// <summary>The joint tensor, a new one; for a single tensor, the tensor itself.</summary>
    /// <exception cref="ArgumentException">
    /// A tensor has another shape than the member that it is for, or another element type or device than the first.
    /// </exception>
    public Tensor Join(IReadOnlyList<Tensor> tensors)
    {
        foreach (var (index, tensor) in tensors.Index())
        {
            if (!tensor.shape.SequenceEqual(_shapes[index]))
                throw new ArgumentException(
                    $"{_names[index]} has shape {Form.Shown(_shapes[index])}, but a tensor of shape "
                        + $"{Form.Shown(tensor.shape)} was given for it."
                );
            if (!tensor.HasSameTypeAndDevice(tensors[0]))
                throw new ArgumentException(
                    $"{_names[index]} is {tensor.dtype} on {tensor.device}, but {_names[0]} is {tensors[0].dtype} on "
                        + $"{tensors[0].device}. Convert them with `to`."
                );
        }
        if (!IsJoint)
            return tensors[0];
        using var scope = NewDisposeScope();
        return cat([.. tensors.Select(AsBlock)], Dimension).MoveToOuterDisposeScope();
    }

    /// <summary>The members of a joint tensor: views where its strides allow it. The joint tensor is disposed.</summary>
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

    /// <summary>The member, reshaped to its block of the joint tensor.</summary>
    private Tensor AsBlock(Tensor tensor) =>
        Dimension == 0 ? tensor : tensor.reshape(tensor.shape[0], Length(tensor.shape));

    private long Length(long[] shape) =>
        Dimension == 0 ? shape[0] : shape.Skip(1).Aggregate(1L, (product, size) => product * size);

    private static long[][] Shapes(IEnumerable<Tensor> tensors) => [.. tensors.Select(tensor => tensor.shape)];

    /// <summary>Why the tensors cannot be joined so; null when they can.</summary>
    private string? Misfit(IReadOnlyList<Tensor> tensors) =>
        IsJoint
            ? tensors
                .Select((tensor, index) => Misfit(index, tensor, tensors[0]))
                .FirstOrDefault(misfit => misfit is not null)
            : null;

    private string? Misfit(int index, Tensor tensor, Tensor first)
    {
        var (shape, head) = (_shapes[index], _shapes[0]);
        var fits =
            shape.Length > 0
            && head.Length > 0
            && (Dimension == 0 ? shape.Skip(1).SequenceEqual(head.Skip(1)) : shape[0] == head[0]);
        if (!fits)
            return $"{_names[index]} of shape {Form.Shown(shape)} cannot be joined to {_names[0]} of shape "
                + $"{Form.Shown(head)} along dimension {Dimension}: "
                + (Dimension == 0 ? "all dimensions but the first" : "the first dimensions")
                + " have to be equal.";
        return tensor.HasSameTypeAndDevice(first) && tensor.requires_grad == first.requires_grad
            ? null
            : $"{_names[index]} ({Kind(tensor)}) cannot be joined to {_names[0]} ({Kind(first)}): element type, device "
                + "and requires_grad have to be equal.";

        static string Kind(Tensor member) =>
            $"{member.dtype} on {member.device}, {(member.requires_grad ? "trained" : "not trained")}";
    }
}

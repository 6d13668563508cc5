using Parametrize.CSharp.Binding;
using Parametrize.CSharp.Optimizers;
using Parametrize.CSharp.Values;

namespace Parametrize.CSharp;

/// <summary>
/// One constrained tensor and what it is computed from: a module whose parameters an optimizer trains (`original`, or
/// `original0`, `original1`, ...) and whose buffers sit in children named by the position of their node (`0.base`).
/// </summary>
/// <remarks>
/// A module of your own holds it as a field, reads <see cref="Value"/> in `forward`, and lets RegisterComponents find
/// it. Registering on an existing module makes one too: see <see cref="parametrize"/>.
/// </remarks>
public sealed partial class ParametrizedTensor : nn.Module
{
    private Tensor[][] _buffers = [];

    /// <summary>Makes a tensor for a module of your own to hold.</summary>
    /// <param name="parametrization">The value that says which space and which map.</param>
    /// <param name="initial">The first value. It is copied, and the parts get its dtype and device.</param>
    /// <param name="whenNotAllowed">What to do when <paramref name="initial"/> is outside the space.</param>
    /// <exception cref="ParametrizationException">The tensor does not suit, or the policy refuses it.</exception>
    public ParametrizedTensor(
        Parametrization parametrization,
        Tensor initial,
        WhenNotAllowed whenNotAllowed = WhenNotAllowed.Project
    )
        : this(
            parametrization,
            StartingParts.For(
                parametrization ?? throw new ArgumentNullException(nameof(parametrization)),
                initial ?? throw new ArgumentNullException(nameof(initial)),
                whenNotAllowed
            ),
            null,
            isBuffer: false
        ) => IsMadeByUser = true;

    /// <summary>
    /// Takes ownership of the parts. `reused`, when given, becomes the parameter of its shape; its numbers do not change yet.
    /// `isTrained` says it of each parameter; without it all are.
    /// </summary>
    internal ParametrizedTensor(
        Parametrization parametrization,
        Parts parts,
        Tensor? reused,
        bool isBuffer,
        bool[]? isTrained = null
    )
        : base(nameof(ParametrizedTensor))
    {
        Parametrization = parametrization;
        IsBuffer = isBuffer;
        Shape = parts.Shape;
        Binding = new(this);
        Reused = reused is null
            ? -1
            : parts.Parameters.ToList().FindLastIndex(p => p.shape.SequenceEqual(reused.shape));
        foreach (var (index, name) in Core.parameterNames(parametrization).Index())
        {
            var tensor =
                index == Reused ? reused! : Owned(parts.Parameters[index], !isBuffer && (isTrained?[index] ?? true));
            if (isBuffer)
                register_buffer(name, tensor);
            else
                register_parameter(name, (Parameter)tensor);
        }
        AddNodes(NewNodes(parametrization, parts, from: 0));
        ReadAgain();
        foreach (var parameter in parts.Parameters)
            parameter.TakeOffCount();
        (_deviceType, _deviceIndex) = (Inputs[0].device_type, Inputs[0].device_index);
    }

    /// <summary>What constrains the tensor.</summary>
    public Parametrization Parametrization { get; private set; }

    /// <summary>
    /// The constrained tensor. Reading computes it (once in a cached scope) and gives a new tensor, the caller's to
    /// dispose, through which gradients flow. Assigning writes the right inverse into the parameters, in place.
    /// </summary>
    /// <exception cref="ParametrizationException">The assigned tensor is not allowed; nothing has changed.</exception>
    public Tensor Value
    {
        get => WithOwnMemory(Binding.Read());
        set => Assign(value).OrThrow(Where);
    }

    /// <summary>The modules that compute with it.</summary>
    internal TensorBinding Binding { get; }

    /// <summary>Whether a user has made it by the public constructor: no module may take its parameters or dispose it.</summary>
    internal bool IsMadeByUser { get; }

    internal bool IsBuffer { get; }

    /// <summary>The index of the parameter that was the module's own tensor before, or -1.</summary>
    internal int Reused { get; }

    internal string? Where => Binding.Where;

    /// <summary>Whether any of its parameters is trained.</summary>
    internal bool IsTrained => Inputs.Any(input => input.requires_grad);

    internal bool HasBase => Traits.hasBase(Parametrization);

    internal bool IsAdapter => Adapter.isAdapter(Parametrization);

    /// <summary>The shape of the constrained tensor.</summary>
    internal long[] Shape { get; }

    /// <summary>The parameters; buffers, where the module's tensor is one.</summary>
    internal Tensor[] Inputs { get; private set; } = [];

    /// <summary>All parts: parameters, then buffers.</summary>
    internal Tensor[] Tensors { get; private set; } = [];

    /// <summary>Assigns if the tensor is allowed.</summary>
    /// <param name="value">Of the shape, dtype and device of <see cref="Value"/>. It is copied.</param>
    /// <returns>Null, or why nothing was changed.</returns>
    public ParametrizationError? TryAssign(Tensor value) => Assign(value).ErrorOrNull();

    /// <summary>
    /// Moves the bases to the present point: each base becomes the present tensor, and its parameter the one that yields the
    /// base. The value stays; gradients are cleared. An optimizer's momenta stay too: <see cref="parametrize.update_base"/>
    /// resets them. Other parameters become those of the right inverse: in a pruned tensor, entries that the mask hides become
    /// zero.
    /// </summary>
    /// <exception cref="ParametrizationException">The present tensor is not allowed (NaN); nothing has changed.</exception>
    public void MoveBase() => Bases.Move([this], null);

    /// <summary>The inverse of a matrix of `Invertible`, `Nonsingular` or `SpecialLinear`, by two triangular solves.</summary>
    /// <returns>A new tensor of the shape of <see cref="Value"/>, through which gradients flow.</returns>
    /// <exception cref="InvalidOperationException">
    /// The parametrization is not `Invertible`, `Nonsingular` or `SpecialLinear`.
    /// </exception>
    public Tensor Inverse() => FromParts(parts => InvertibleModule.inverse(Parametrization, parts));

    /// <summary>log |det W| of an n x n matrix of `Invertible`, `Nonsingular` or `SpecialLinear`, a sum over n numbers.</summary>
    /// <returns>A new tensor of one number for each matrix of a batch, through which gradients flow.</returns>
    /// <exception cref="InvalidOperationException">
    /// The parametrization is not `Invertible`, `Nonsingular` or `SpecialLinear`.
    /// </exception>
    public Tensor LogDeterminant() => FromParts(parts => InvertibleModule.logDeterminant(Parametrization, parts));

    /// <summary>
    /// log |det W| of square matrices, from the factors of the parametrization if these give it. In a cached scope it is computed
    /// once.
    /// </summary>
    /// <returns>
    /// A new tensor of one number for each matrix of a batch, through which gradients flow, in float32 for 16-bit parameters.
    /// </returns>
    /// <exception cref="ArgumentException">The tensor has no square matrices.</exception>
    public Tensor LogAbsDeterminant() =>
        Binding.LogAbsDeterminant(known => FromPartsInUse(parts => Core.logAbsDetOf(Parametrization, parts, known)));

    /// <summary>W^-1 b for square matrices W, by the factors of the parametrization if these give it.</summary>
    /// <param name="right">b: columns of a tensor [..., n, m], or one vector of n numbers.</param>
    /// <returns>A new tensor, through which gradients flow.</returns>
    /// <exception cref="ArgumentException">
    /// The tensor has no square matrices, or b has columns of another length or another element type.
    /// </exception>
    public Tensor Solve(Tensor right)
    {
        ArgumentNullException.ThrowIfNull(right);
        using var known = Binding.ReadIfCached();
        return FromParts(parts => Core.solveOf(Parametrization, parts, known, right));
    }

    /// <summary>
    /// By how much the map stretches volumes: the log of the product of the nonzero singular values of its derivative by all real
    /// numbers in the parameters. The volume of the computed tensor is the Hausdorff measure of the Frobenius norm.
    /// </summary>
    /// <returns>
    /// A new tensor of one number, through which gradients flow, in float32 for 16-bit parameters. Null unless every node has
    /// a closed form (<see cref="IVolume"/>) from what stands before it.
    /// </returns>
    public Tensor? LogVolume() => FromParts(parts => Core.logVolume(Parametrization, parts)?.Value);

    /// <summary><see cref="LogVolume"/> for each tensor of a batch.</summary>
    /// <param name="dimensions">How many of the last dimensions are one tensor; those before are a batch.</param>
    /// <returns>A new tensor of a number for each, through which gradients flow; null as for <see cref="LogVolume"/>.</returns>
    /// <exception cref="ArgumentException">
    /// The value computes several of these tensors together, or has fewer dimensions.
    /// </exception>
    public Tensor? LogVolumes(int dimensions) =>
        FromParts(parts => Core.logVolumes(dimensions, Parametrization, parts)?.Value);

    private static Tensor Owned(Tensor parameter, bool requiresGrad) =>
        parameter.with_requires_grad(requiresGrad).DetachFromDisposeScope();
}

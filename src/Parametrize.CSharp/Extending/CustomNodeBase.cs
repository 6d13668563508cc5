namespace Parametrize.CSharp;

/// <summary>
/// The base of <see cref="CustomNode"/> and <see cref="CustomNodeOfSeveral"/>: membership and projection are computed from the map
/// onto a set and its right inverse. A node can do more by implementing the interfaces <see cref="ILearns"/> (a step in training),
/// <see cref="INoisy"/> (noise in training only), <see cref="ISampled"/>, <see cref="IVolume"/> (a log volume) and
/// <see cref="INarrows"/>; a dimension, by its <see cref="Space"/>.
/// </summary>
public abstract class CustomNodeBase : Node
{
    private readonly Space _codomain;

    private protected CustomNodeBase(string code, Space codomain, IEnumerable<Domain> domains)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(code);
        ArgumentNullException.ThrowIfNull(codomain);
        _codomain = codomain;
        Code = Parametrize.Code.NewCall(code, FSharpList<Code>.Empty);
        Domains = ListModule.OfSeq(domains);
    }

    /// <inheritdoc/>
    public sealed override Code Code { get; }

    /// <inheritdoc/>
    public sealed override FSharpList<Domain> Domains { get; }

    /// <inheritdoc/>
    public sealed override FSharpList<Parametrize.Buffer> Buffers =>
        ListModule.OfSeq(Carried.Select(tensor => tensor.AsBuffer()));

    /// <summary>
    /// Whether every tensor of the set can be assigned. Default: true. Without a right inverse, a tensor that is registered
    /// becomes the parameter of a <see cref="CustomNode"/>, whose <c>RightInverse</c> is not called; <c>RightInverse</c> of a
    /// <see cref="CustomNodeOfSeveral"/> gives the parameters to start from. Assigning is refused.
    /// </summary>
    public override bool HasRightInverse => true;

    /// <summary>The buffers of the node. Default: none.</summary>
    protected virtual IReadOnlyList<Carried> Carried => [];

    /// <summary>The nearest allowed tensor. Default: the image of the right inverse.</summary>
    protected virtual Tensor Nearest(Tensor value) => Image(value);

    /// <summary>
    /// The distance of a tensor from the set. Default: its distance from the image of its right inverse; infinity when that is not
    /// finite.
    /// </summary>
    protected virtual double Distance(Tensor value)
    {
        var made = Image(value);
        var size = Largest(made - value);
        if (!double.IsFinite(size))
            return double.PositiveInfinity;
        // It is also large when the right inverse is wrong, which is not the fault of the tensor.
        if (size > Limit(value, FormModule.epsilon(value.dtype)))
            InverseContract.requireInverse(this, FuncConvert.FromFunc<Tensor, Tensor>(Image), value, made);
        return size;
    }

    /// <inheritdoc/>
    public sealed override Space Codomain(FSharpList<Space> before) => _codomain;

    /// <inheritdoc/>
    public sealed override Tensor Forward(Tensor[] inputs, Tensor[] buffers) => Map(inputs, buffers);

    /// <inheritdoc/>
    public sealed override FSharpResult<Unit, Violation> Contains(Tensor[] present, Tensor tensor, double epsilon)
    {
        var (size, limit) = (DistanceWith(tensor, InUse(present, tensor)), Limit(tensor, epsilon));
        if (double.IsNaN(size))
            throw new InvalidOperationException(
                $"{this} breaks its contract in measuring how far {FormModule.ofTensor(tensor)} is. Expected: a number; found: NaN."
            );
        // A tiny tensor may be the difference of larger ones.
        if (size > limit && size <= 64 * epsilon)
            limit += InverseContract.roundingAt(this, tensor, epsilon);
        return size <= limit
            ? FSharpResult<Unit, Violation>.NewOk(null!)
            : FSharpResult<Unit, Violation>.NewError(new Violation($"W in {_codomain.Name}", size, limit));
    }

    /// <inheritdoc/>
    public sealed override FSharpResult<NodeParts, string> Invert(
        Tensor[] present,
        Tensor tensor,
        double epsilon,
        Want want
    )
    {
        var buffers = InUse(present, tensor);
        var inputs = HasRightInverse
            ? Inverse(want.IsExact ? tensor : Usable("Nearest", Near(tensor, buffers)), buffers)
            : Started(tensor, buffers);
        return FSharpResult<NodeParts, string>.NewOk(new NodeParts(inputs, buffers));
    }

    /// <summary>The forms of the inputs for an output of a form.</summary>
    /// <param name="shapes">The shapes of the inputs; it throws ArgumentException for an output shape that is not possible.</param>
    private protected FSharpResult<FSharpList<Form>, ParametrizationError> InputsOf(
        Form output,
        Func<long[], IReadOnlyList<long[]>> shapes
    )
    {
        var whole = base.Inputs(output);
        if (whole.IsError)
            return whole;
        try
        {
            var forms = shapes(output.Shape).Select(shape => new Form(shape, output.Dtype, output.Device));
            return FSharpResult<FSharpList<Form>, ParametrizationError>.NewOk(ListModule.OfSeq(forms));
        }
        catch (ArgumentException refusal)
        {
            return FSharpResult<FSharpList<Form>, ParametrizationError>.NewError(
                ParametrizationError.NewWrongShape($"{this}", refusal.Message, Form.Shown(output.Shape))
            );
        }
    }

    /// <summary>The image of the right inverse.</summary>
    private Tensor Image(Tensor value) => Image(value, []);

    private Tensor Image(Tensor value, Tensor[] buffers) =>
        Breach.ofForm(
            this,
            nameof(Forward),
            FormModule.ofTensor(value),
            Map(Breach.usable(this, "RightInverse", Inverse(value.clone(), buffers)), buffers)
        );

    private Tensor Usable(string doing, Tensor? tensor) => Breach.usable(this, doing, [tensor!])[0];

    private protected abstract Tensor Map(Tensor[] inputs, Tensor[] buffers);

    private protected abstract Tensor[] Inverse(Tensor value, Tensor[] buffers);

    /// <summary>A user's function gets a tensor of its own, into which it may write.</summary>
    private Tensor Near(Tensor value, Tensor[] buffers) =>
        buffers.Length == 0 ? Nearest(value.clone()) : Image(value, buffers);

    private double DistanceWith(Tensor value, Tensor[] buffers) =>
        buffers.Length == 0 ? Distance(value.clone()) : Largest(Usable(nameof(Nearest), Near(value, buffers)) - value);

    /// <summary>The parameters for a tensor that is registered, when the node has no right inverse.</summary>
    private protected abstract Tensor[] Started(Tensor value, Tensor[] buffers);

    /// <summary>The size of rounding errors: 16-bit tensors are computed in float32 and rounded once.</summary>
    private static double Limit(Tensor tensor, double epsilon) =>
        (8 * epsilon + 56 * Math.Min(epsilon, FormModule.epsilon(ScalarType.Float32))) * Largest(tensor);

    private static double Largest(Tensor tensor) => tensor.abs().max().to(ScalarType.Float64).item<double>();

    private Tensor[] InUse(Tensor[] present, Tensor tensor) =>
        present.Length > 0
            ? present
            :
            [
                .. Carried.Select(buffer =>
                    Usable(nameof(buffer.Initial), buffer.Initial(FormModule.ofTensor(tensor)))
                ),
            ];
}

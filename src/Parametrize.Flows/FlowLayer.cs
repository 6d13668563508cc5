using static TorchSharp.torch;

namespace Parametrize.Flows;

/// <summary>
/// One layer of a flow: a module that takes data to latent tensors and back. The first dimension of every tensor counts the data;
/// the others are one datum, a vector `[features]` or an image `[channels, height, width]`.
/// </summary>
/// <remarks>
/// Layers are joined in the order in which data pass through them: `a >> b` in C#, `a &gt;&gt;&gt; b` in F#. A layer of one's own
/// overrides <see cref="Map"/> and <see cref="MapBack"/>, and the two shapes where they differ.
/// </remarks>
public abstract class FlowLayer : nn.Module<Tensor, Tensor>
{
    // TorchSharp does not move buffers that are no part of the state.
    private readonly Dictionary<string, Tensor> _constants = [];
    private readonly bool _isOfUser;
    private Tensor? _parameter;

    /// <param name="name">The name of the kind of layer.</param>
    protected FlowLayer(string name)
        : base(name) => _isOfUser = GetType().Assembly != typeof(FlowLayer).Assembly;

    /// <summary>
    /// Whether data and latent tensors determine each other. Where they do not, the layer drops a part of the data and has a
    /// density for it.
    /// </summary>
    public virtual bool IsBijection => true;

    /// <summary>
    /// Whether the layer depends on a context. A context that nothing in a flow reads is refused; a layer of one's own that reads it
    /// says so here.
    /// </summary>
    public virtual bool ReadsContext => false;

    /// <summary>Whether every tensor of the data's shape is a datum, as far as the layer knows.</summary>
    internal virtual bool TakesAll => true;

    /// <summary>Which latent tensors the layer yields, given those that the layers before it yield.</summary>
    internal virtual Reached After(Reached before) =>
        before is Reached.All or Reached.Lost ? before : new Reached.Some();

    /// <summary>Whether data may be whole numbers of an integral element type.</summary>
    internal virtual bool TakesWholeNumbers => false;

    /// <summary>The shape of a latent tensor, for data of this shape. Both are without the dimension that counts data.</summary>
    /// <exception cref="ArgumentException">The layer does not take data of this shape.</exception>
    public virtual long[] LatentShape(long[] dataShape) => dataShape;

    /// <summary>The shape of a datum that has a latent tensor of this shape.</summary>
    /// <exception cref="ArgumentException">The layer does not yield tensors of this shape.</exception>
    public virtual long[] DataShape(long[] latentShape) => latentShape;

    /// <summary>
    /// Latent tensors, and log |det J| for each datum, J being the derivative of the latent tensor by the datum. A layer that
    /// drops a part of the data adds the log density of that part; one whose data lie on a surface has log det(J J^T) / 2 of the
    /// map along the surface.
    /// </summary>
    /// <param name="data">`[N, ...]`.</param>
    /// <param name="context">`[N, size]`: what the layer's map depends on besides; null where it does not.</param>
    protected abstract (Tensor Latent, Tensor LogDet) Map(Tensor data, Tensor? context);

    /// <summary>Data that have these latent tensors; what the layer drops is drawn from its density.</summary>
    /// <param name="latent">`[N, ...]`.</param>
    /// <param name="context">As for <see cref="Map"/>.</param>
    protected abstract Tensor MapBack(Tensor latent, Tensor? context);

    /// <summary>
    /// The data of <see cref="MapBack"/>, and log |det J| of <see cref="Map"/> at them. Default: computed by Map. A layer that knows it
    /// from the latent tensors overrides this: then rounding of the data costs no digits.
    /// </summary>
    /// <param name="latent">`[N, ...]`.</param>
    /// <param name="context">As for <see cref="Map"/>.</param>
    protected virtual (Tensor Data, Tensor LogDet) MapBackWithLogDet(Tensor latent, Tensor? context)
    {
        var data = MappedBack(latent, context);
        return (data, Mapped(data, context).LogDet);
    }

    /// <summary>Latent tensors for data `[N, ...]`.</summary>
    public override Tensor forward(Tensor data) => forward(data, null);

    /// <summary>Latent tensors for data `[N, ...]`, given a context `[N, size]`.</summary>
    public Tensor forward(Tensor data, Tensor? context)
    {
        using var scope = NewDisposeScope();
        return ForwardWithLogDet(data, context).Latent.MoveToOuterDisposeScope();
    }

    /// <inheritdoc cref="forward(Tensor, Tensor?)"/>
    public Tensor call(Tensor data, Tensor? context) => forward(data, context);

    /// <summary>Latent tensors `[N, ...]` and log |det J| `[N]`, J being their derivative by the data.</summary>
    /// <param name="data">`[N, ...]`, N data of a shape that the layer takes.</param>
    /// <param name="context">`[N, size]` for a layer that depends on a context, else null.</param>
    /// <returns>
    /// For a layer that drops a part of the data, the log density of that part is included. Both are new tensors, the caller's
    /// to dispose.
    /// </returns>
    /// <exception cref="ArgumentException">The layer does not take data of this shape.</exception>
    public (Tensor Latent, Tensor LogDet) ForwardWithLogDet(Tensor data, Tensor? context = null)
    {
        LatentShape(Batches.DatumShape(data, nameof(data)));
        RequireKind(data, this, TakesWholeNumbers, nameof(data));
        using var scope = NewDisposeScope();
        var rows = Rows(context, data.size(0), ReadsContext, this);
        var (latent, logDet) = Mapped(data, rows);
        return (Batches.Own(latent, data), logDet.MoveToOuterDisposeScope());
    }

    /// <summary>Data `[N, ...]` that <see cref="forward(Tensor)"/> takes to these latent tensors.</summary>
    /// <param name="latent">`[N, ...]`.</param>
    /// <param name="context">`[N, size]` for a layer that depends on a context, else null.</param>
    /// <exception cref="ArgumentException">The layer does not yield tensors of this shape.</exception>
    public Tensor inverse(Tensor latent, Tensor? context = null)
    {
        DataShape(Batches.DatumShape(latent, nameof(latent)));
        RequireKind(latent, this, takesWholeNumbers: false, nameof(latent));
        using var scope = NewDisposeScope();
        using var _ = Sampling.Begin();
        var rows = Rows(context, latent.size(0), ReadsContext, this);
        return Batches.Own(MappedBack(latent, rows), latent);
    }

    /// <summary><see cref="Map"/>, when it yields what it promises.</summary>
    /// <exception cref="InvalidOperationException">A layer of one's own yields tensors of other shapes.</exception>
    internal (Tensor Latent, Tensor LogDet) Mapped(Tensor data, Tensor? context)
    {
        var (latent, logDet) = Map(data, context);
        if (_isOfUser)
        {
            var shape = data.shape;
            Batches.RequireMade(latent, [shape[0], .. LatentShape(shape[1..])], $"{this}.Map", "z");
            Batches.RequireMade(logDet, [shape[0]], $"{this}.Map", LogDetWords);
        }
        return (latent, logDet);
    }

    private const string LogDetWords = "log |det J|, a number for each datum: sum over all others,";

    /// <summary><see cref="MapBack"/>, when it yields what it promises.</summary>
    internal Tensor MappedBack(Tensor latent, Tensor? context)
    {
        var data = MapBack(latent, context);
        RequireMadeBack(data, latent);
        return data;
    }

    /// <summary><see cref="MapBackWithLogDet"/>, when it yields what it promises.</summary>
    internal (Tensor Data, Tensor LogDet) MappedBackWithLogDet(Tensor latent, Tensor? context)
    {
        var (data, logDet) = MapBackWithLogDet(latent, context);
        RequireMadeBack(data, latent);
        if (_isOfUser)
            Batches.RequireMade(logDet, [latent.size(0)], $"{this}.MapBackWithLogDet", LogDetWords);
        return (data, logDet);
    }

    private void RequireMadeBack(Tensor? data, Tensor latent)
    {
        if (_isOfUser)
            Batches.RequireMade(data, [latent.size(0), .. DataShape(latent.shape[1..])], $"{this}.MapBack", "data");
    }

    /// <summary>
    /// Refuses tensors that have no floating-point numbers (whole numbers can be admitted), or another element type or device
    /// than the parameters.
    /// </summary>
    /// <param name="tensor">The tensor.</param>
    /// <param name="owner">Who takes it.</param>
    /// <param name="takesWholeNumbers">Whether it may be of an integral element type.</param>
    /// <param name="parameter">The argument.</param>
    /// <param name="latent">The latent density. Its parameters give element type and device if the layer has none.</param>
    internal void RequireKind(
        Tensor tensor,
        object owner,
        bool takesWholeNumbers,
        string parameter,
        IDensity? latent = null
    )
    {
        if (!tensor.is_floating_point() && !(takesWholeNumbers && tensor.is_integral()))
            throw new ArgumentException(
                $"{owner} takes real numbers; found {tensor.dtype}. Convert by to(float32); a flow of whole numbers begins with a Dequantization.",
                parameter
            );
        RequireSameKind(tensor, owner, parameter, latent);
    }

    /// <summary>One row of the context for each datum, in the element type of the parameters; whole numbers are converted.</summary>
    internal Tensor? Rows(Tensor? context, long count, bool isRead, object owner, IDensity? latent = null)
    {
        if (Contexts.Rows(context, count, isRead, owner) is not { } rows)
            return null;
        RequireSameKind(rows, (FormattableString)$"The context of {owner}", nameof(context), latent);
        return rows.is_floating_point() ? rows : rows.to_type(Parameter(latent)?.dtype ?? get_default_dtype());
    }

    private void RequireSameKind(Tensor tensor, object owner, string parameter, IDensity? latent)
    {
        if (Parameter(latent) is not { } mine)
            return;
        var isElsewhere = tensor.device_type != mine.device_type || tensor.device_index != mine.device_index;
        if (isElsewhere || tensor.is_floating_point() && tensor.dtype != mine.dtype)
            throw new ArgumentException(
                $"{owner} has {mine.dtype} on {mine.device}; found {tensor.dtype} on {tensor.device}. Move one of them by `to`.",
                parameter
            );
    }

    /// <summary>A parameter that gives element type and device. It is looked up again after the layer was moved.</summary>
    private Tensor? Parameter(IDensity? latent) =>
        _parameter is { IsInvalid: false } ? _parameter
        : (_parameter = parameters().FirstOrDefault()) is not null ? _parameter
        : (latent as nn.Module)?.parameters().FirstOrDefault();

    /// <summary>The layer with its directions exchanged. It shares the parameters.</summary>
    /// <exception cref="InvalidOperationException">The layer drops a part of the data.</exception>
    public FlowLayer Inverted() =>
        this is InvertedLayer twice ? twice.Inner
        : IsBijection ? new InvertedLayer(this)
        : throw new InvalidOperationException(
            $"{this} drops a part of the data, so that its inverse is no function. Only layers whose IsBijection is true can be inverted."
        );

    /// <summary>First this layer, then the next.</summary>
    public FlowLayer Then(FlowLayer next) => this >> next;

    /// <summary>A flow: this layer, and a density of what it yields.</summary>
    public Flow Then(IDensity latent) => this >> latent;

    /// <summary>First `first`, then `second`: a new layer that shares their parameters.</summary>
    public static FlowLayer operator >>(FlowLayer first, FlowLayer second)
    {
        ArgumentNullException.ThrowIfNull(first);
        ArgumentNullException.ThrowIfNull(second);
        return new FlowSequence([.. FlowSequence.LayersOf(first), .. FlowSequence.LayersOf(second)]);
    }

    /// <summary>A flow: a layer, and a density of what it yields.</summary>
    public static Flow operator >>(FlowLayer transform, IDensity latent) => new(transform, latent);

    /// <summary>The operator `&gt;&gt;&gt;` of F#.</summary>
    public static FlowLayer AndThen(FlowLayer first, FlowLayer second) => first >> second;

    /// <summary>The operator `&gt;&gt;&gt;` of F#.</summary>
    public static Flow AndThen(FlowLayer transform, IDensity latent) => transform >> latent;

    /// <summary>The layer as it is made in F#.</summary>
    public override string ToString() => GetName();

    /// <summary>Numbers that follow the layer to other devices and are no part of its state.</summary>
    private protected void Keep(string name, long[] numbers) =>
        _constants[name] = tensor(numbers).DetachFromDisposeScope();

    private protected Tensor Kept(string name) => _constants[name];

    /// <inheritdoc/>
    protected override void _toEpilog(ScalarType? dtype, Device? device, bool non_blocking)
    {
        base._toEpilog(dtype, device, non_blocking);
        _parameter = null;
        if (device is null)
            return;
        foreach (var (name, constant) in _constants.ToArray())
        {
            _constants[name] = constant.to(device, copy: true).DetachFromDisposeScope();
            constant.Dispose();
        }
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
            foreach (var constant in _constants.Values)
                constant.Dispose();
        base.Dispose(disposing);
    }
}

using Parametrize.CSharp;
using static TorchSharp.torch;
using Core = Parametrize.ParametrizationModule;

namespace Parametrize.Flows;

/// <summary>
/// Data in the space of a value: x is what the value computes from z as its only parameter. `Constrained(unitInterval)` takes
/// numbers between 0 and 1 to free ones, `Constrained(simplex)` probability vectors of n numbers to n - 1 free ones.
/// </summary>
/// <remarks>
/// If z has fewer numbers than x, the data lie on a surface, and the density is with respect to its area (Hausdorff measure).
/// Data that are not in the space have log density -inf. <see cref="FlowLayer.Inverted"/> takes free data into the space.
/// </remarks>
public sealed class Constrained : FlowLayer
{
    private readonly Parametrization _value;
    private readonly bool _isNonNegative;
    private readonly bool _takesAll;
    private readonly double _largestNumber;
    private long[]? _measured;

    /// <param name="value">
    /// A value of one parameter and no buffers that yields each tensor from one parameter only and has a log volume in closed form:
    /// `Positive`, `UnitInterval`, `Bounded`, `Above`, `Ordered`, `Simplex`, `SumToZero` and what is composed of them.
    /// </param>
    /// <exception cref="ArgumentException">The value is none of these.</exception>
    public Constrained(Parametrization value)
        : base(nameof(Constrained))
    {
        ArgumentNullException.ThrowIfNull(value);
        if (Core.parameterCount(value) != 1 || !Core.bufferNames(value).IsEmpty)
            throw new ArgumentException(
                $"Expected a value of one parameter and no buffers; {value} has {Core.parameterCount(value)} and {Core.bufferNames(value).Length}.",
                nameof(value)
            );
        if (Applying.whyNotUndone(value) is { } reason)
            throw new ArgumentException(
                $"{value} cannot constrain data: {reason.Value} Values that can are positive, unitInterval, bounded, above, below, ordered, simplex, sumToZero and what is composed of them.",
                nameof(value)
            );
        if (Traits.seesKernels(value) && !value.Program.IsEntrywise)
            throw new ArgumentException(
                $"{value} cannot constrain data: a kernel has no dimension that counts data. Constrain matrices, and join a Reshape.",
                nameof(value)
            );
        (_value, _isNonNegative) = (value, PositiveSpaces.holdAllOf(value));
        _takesAll = Traits.isFree(value);
        _largestNumber = Traits.largestNumber(value);
    }

    internal Parametrization Value => _value;

    internal override bool TakesAll => _takesAll;

    /// <summary>
    /// All latent tensors are reached if the layer before yields the whole space, or everything; only some are if it yields
    /// something else, or if the parameter of the value is restricted.
    /// </summary>
    internal override Reached After(Reached before) =>
        before is Reached.Of same && Traits.yieldSame(same.Value, _value) ? new Reached.All()
        : before is Reached.All && !Traits.readsAll(_value) ? new Reached.Some()
        : before;

    /// <inheritdoc/>
    public override long[] LatentShape(long[] dataShape)
    {
        var form = new Form([1, .. dataShape], ScalarType.Float32, CPU);
        var found = Core.parameterForms(_value, form);
        if (found.IsError)
            throw new ArgumentException(found.ErrorValue.Message);
        var latentShape = found.ResultValue.Head.Shape[1..];
        RequireVolume(latentShape, dataShape.Length);
        return latentShape;
    }

    /// <summary>Checks, once for each shape, that the value has a log volume, by applying it to zeros.</summary>
    /// <exception cref="ArgumentException">The value has no log volume in closed form.</exception>
    private void RequireVolume(long[] latentShape, int dimensions)
    {
        if (_measured is not null && _measured.AsSpan().SequenceEqual(latentShape))
            return;
        using var scope = NewDisposeScope();
        _value.ApplyWithLogVolumes(zeros([1, .. latentShape], device: CPU), dimensions);
        _measured = latentShape;
    }

    /// <inheritdoc/>
    public override long[] DataShape(long[] latentShape)
    {
        using var example = zeros([1, .. latentShape], device: CPU);
        using var yielded = _value.Apply(example);
        return yielded.shape[1..];
    }

    /// <inheritdoc/>
    protected override (Tensor Latent, Tensor LogDet) Map(Tensor data, Tensor? context)
    {
        // A value cannot compute with an empty batch.
        if (data.size(0) == 0)
            return (data.new_zeros([0, .. LatentShape(data.shape[1..])]), Batches.Zeros(data));
        var latent = _value.Undo(data);
        var (image, volumes) = _value.ApplyWithLogVolumes(latent, (int)data.dim() - 1);
        // Data on the edge of an open space are outside, although `Contains` would admit them as rounding; so is a zero if the
        // space has no negative numbers.
        if (_isNonNegative)
            image = image.masked_fill(data.le(0.0.AsScalar()), double.NaN.AsScalar());
        if (Traits.isOnOpenEdge(_value, data) is { } edges)
            image = image.masked_fill(Images.ForEach(edges, image), double.NaN.AsScalar());
        // If the space is all tensors, no finite datum may count as outside, so the tolerance has no bound.
        var onTheWay = _takesAll ? FormModule.greatest(data.dtype) : _largestNumber;
        var logDensity = Images.LogDensity(data, image, volumes.neg(), onTheWay);
        // Where the result is -inf, z becomes 0, so that its density is no NaN and has no gradient.
        return (Images.OrElse(latent, logDensity, 0), logDensity);
    }

    /// <inheritdoc/>
    protected override Tensor MapBack(Tensor latent, Tensor? context) =>
        latent.size(0) == 0 ? latent.new_zeros([0, .. DataShape(latent.shape[1..])]) : _value.Apply(latent);

    /// <inheritdoc/>
    protected override (Tensor Data, Tensor LogDet) MapBackWithLogDet(Tensor latent, Tensor? context)
    {
        if (latent.size(0) == 0)
            return (MapBack(latent, context), Batches.Zeros(latent));
        var dimensions = DataShape(latent.shape[1..]).Length;
        var (data, volumes) = _value.ApplyWithLogVolumes(latent, dimensions);
        return (data, volumes.neg());
    }

    /// <inheritdoc/>
    public override string ToString() => $"Constrained({_value})";
}

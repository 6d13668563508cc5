using Parametrize.CSharp.Values;

namespace Parametrize.CSharp;

/// <content>Averaging.</content>
public sealed partial class ParametrizedTensor
{
    /// <summary>The parts of the average of this tensor and another with the same value. Changes nothing.</summary>
    internal Continuation Averaged(ParametrizedTensor other, double weight, AverageOf averageOf)
    {
        using var lasting = Modes.Lasting();
        using var _ = no_grad();
        var parts =
            weight >= 1 ? CopiedFrom(other)
            : averageOf is AverageOf.Values && !IsAveragedByInputs ? OfAveragedValue(other, weight)
            : OfAveragedInputs(other, weight);
        return new(Parametrization, Relearnt(parts), []);
    }

    /// <summary>
    /// Whether the parameters are averaged whatever was asked for. Averages of rounded tensors are rounded to where they were, the
    /// projection of `aol` is not the nearest tensor, and adapters must not change their frozen weight.
    /// </summary>
    private bool IsAveragedByInputs =>
        IsAdapter
        || !Core.hasRightInverse(Parametrization)
        || Core.nodes(Parametrization).Any(node => node is IStraightThrough or AolNode);

    private Parts OfAveragedValue(ParametrizedTensor other, double weight)
    {
        using var own = Detached();
        using var others = other.Detached();
        using var there = others.to(own.dtype, own.device);
        using var share = tensor(weight, device: own.device);
        using var next = own.lerp(there, share);
        var exact = Core.rightInverse(Parametrization, CurrentParts(), next);
        if (exact.IsOk || !exact.ErrorValue.IsNotAllowed)
            return exact.OrThrow(Where);
        // Not as one assigns a tensor, which may go on away from the edge of the space: at each update a little more.
        using var nearest = Projecting.nearest(Parametrization, next).OrThrow(Where);
        var projected = Core.rightInverse(Parametrization, CurrentParts(), nearest);
        return projected.IsOk
            ? projected.ResultValue
            : Accepting.take(Parametrization, CurrentParts(), next).OrThrow(Where);
    }

    private Parts OfAveragedInputs(ParametrizedTensor other, double weight)
    {
        RequireSameBases(other);
        var copies = CopiedFrom(other);
        using var scope = NewDisposeScope();
        var share = tensor(weight, device: Inputs[0].device);
        foreach (var (own, copy) in Inputs.Zip(copies.Parameters))
            copy.copy_(own.lerp(copy, share));
        return copies;
    }

    /// <summary>In the element types of this tensor, which may be finer.</summary>
    private Parts CopiedFrom(ParametrizedTensor other)
    {
        var copies = other.CopiedParts(Inputs[0].device);
        using var scope = NewDisposeScope();
        return new Parts(
            Shape,
            [.. copies.Parameters.Zip(Inputs, Like)],
            [.. copies.BufferArrays.Zip(_buffers, (row, own) => row.Zip(own, Like).ToArray())]
        );

        static Tensor Like(Tensor copy, Tensor own)
        {
            if (copy.dtype == own.dtype)
                return copy;
            using (copy.TakeOffCount())
                return copy.to(own.dtype).DetachFromDisposeScope();
        }
    }

    private void RequireSameBases(ParametrizedTensor other)
    {
        foreach (var (position, node) in Core.nodes(Parametrization).Index())
        foreach (var (index, buffer) in node.Buffers.Index())
        {
            using var there = other._buffers[position][index].to(Inputs[0].dtype, Inputs[0].device);
            if (buffer.Role.IsBase && !there.Equals(_buffers[position][index]))
                throw new InvalidOperationException(
                    $"{Where} has different bases in the model and in the average, so the average of their parameters means nothing. "
                        + (
                            IsAveragedByInputs
                                ? "Begin another average, or do not move bases between updates."
                                : "Average values (`AverageOf.Values`), or do not move bases between updates."
                        )
                );
        }
    }

    /// <summary>The parts with singular vectors that belong to the averaged parameters.</summary>
    private Parts Relearnt(Parts parts)
    {
        var relearnt = Core.refreshConverging(Parametrization, parts);
        if (!relearnt.IsOk)
            return parts;
        parts.Discard(except: relearnt.ResultValue.Tensors);
        return relearnt.ResultValue;
    }
}

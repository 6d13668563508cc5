using Parametrize.CSharp.Grouping;
using Parametrize.CSharp.Values;

namespace Parametrize.CSharp;

/// <content>Computing from the parts, and writing new ones.</content>
public sealed partial class ParametrizedTensor
{
    /// <summary>Whether evaluating writes into the buffers.</summary>
    internal bool IsLearning => Core.learns(Parametrization) && training;

    private bool IsRandom => Core.hasNoise(Parametrization) && training;

    /// <summary>
    /// Computes the value. In training it also updates learnt buffers; `learnt` is the number of writes to the buffers.
    /// </summary>
    internal Tensor Evaluate(out long learnt)
    {
        RequireComputable();
        RequireStack();
        if (GroupedValues.Take(this, out learnt) is { } computed)
            return computed;
        if (!Core.learns(Parametrization) || _disabledAdapters > 0)
            return Computed(CurrentParts());

        // The graph keeps the tensors that forward has used. It gets copies of the buffers, because the buffers are written
        // afterwards, or by a training pass between this pass and its backward.
        if (!training)
        {
            using var copies = NewDisposeScope();
            return Computed(EachPart(input => input, buffer => buffer.clone())).MoveToOuterDisposeScope();
        }
        var advanced = Core.advance(Parametrization, CurrentParts());
        var value = Computed(advanced);
        learnt = WriteBuffers(advanced);
        return value;
    }

    /// <summary>Throws when little of the stack is left: an overflow would end the process.</summary>
    private void RequireStack()
    {
        if (!RuntimeHelpers.TryEnsureSufficientExecutionStack())
            throw new InvalidOperationException(
                $"{Title}: its forward reads its own value, or that of a tensor which is computed from it. "
                    + "Compute from the inputs that forward is given."
            );
    }

    /// <summary>Assigns a tensor. If it is not allowed, the policy decides what is assigned. Masks in use stay.</summary>
    /// <param name="value">Of the shape, dtype and device of <see cref="Value"/>. It is copied.</param>
    /// <param name="whenNotAllowed">What to do when it is not allowed with the masks in use.</param>
    /// <exception cref="ParametrizationException">The tensor does not suit, or the policy refuses it.</exception>
    public void Assign(Tensor value, WhenNotAllowed whenNotAllowed)
    {
        ArgumentNullException.ThrowIfNull(value);
        Binding.SyncWithModules();
        using var alone = Binding.Access.Writing();
        WriteAndDispose(StartingParts.ForAssigned(Parametrization, CurrentParts(), value, whenNotAllowed, Where));
    }

    /// <summary>New parts of the present value, with that value as the base.</summary>
    internal Parts Rebased()
    {
        Binding.SyncWithModules();
        using var lease = Binding.Access.Reading();
        return Core.rebase(Parametrization, CurrentParts()).OrThrow(Where);
    }

    private Tensor Computed(Parts parts) =>
        _disabledAdapters > 0 ? Adapter.without(Parametrization, parts)
        : IsRandom ? Core.forwardInTraining(Parametrization, parts)
        : Core.forward(Parametrization, parts);

    /// <summary>
    /// The parts from which PyTorch computes the same value. Those that differ from the present parts are new tensors. It is a query,
    /// which leaves pending assignments where they are.
    /// </summary>
    internal Parts PartsOfPyTorch()
    {
        using var lease = Binding.Access.Reading();
        return Core.toPyTorch(Parametrization, CurrentParts());
    }

    internal Parts CurrentParts()
    {
        RequireComputable();
        return new Parts(Shape, Inputs, _buffers);
    }

    /// <summary>Writes new tensors into the old ones, so that optimizers and state dicts keep theirs.</summary>
    internal void Write(Parts parts)
    {
        using var alone = Binding.Access.Writing();
        foreach (var (old, next) in Tensors.Zip(parts.Tensors))
            old.WriteOver(next);
        _writes?.Settle();
        Binding.Forget();
        Binding.ShowAgain();
    }

    /// <summary>Assigns the tensor, or one near its projection when it is not allowed.</summary>
    internal void TakeNearest(Tensor value)
    {
        using var alone = Binding.Access.Writing();
        WriteAndDispose(Accepting.take(Parametrization, CurrentParts(), value).OrThrow(Where));
    }

    /// <summary>The value without gradients and without learning.</summary>
    internal Tensor Detached()
    {
        RefreshWritten();
        using var lease = Binding.Access.Reading();
        using var _ = no_grad();
        return WithOwnMemory(Core.forward(Parametrization, CurrentParts()));
    }

    /// <summary>The value in memory of its own. The value of the identity is a view of its parameter, so it is copied.</summary>
    private Tensor WithOwnMemory(Tensor value)
    {
        if (!Array.Exists(Tensors, part => Versions.SharesCounter(part, value)))
            return value;
        using (value)
            return value.clone();
    }

    /// <summary>
    /// Takes the parameters out, so that disposing this does not dispose them. One goes back to the module; the others are emptied,
    /// because optimizers may still refer to them.
    /// </summary>
    internal void ReleaseInputs()
    {
        foreach (var (index, name) in Core.parameterNames(Parametrization).Index())
        {
            RemoveInput(name);
            if (index != Reused)
                Inputs[index].Empty();
        }
    }

    /// <summary>Disposes the parts of a registration that was not committed, except the module's own tensor.</summary>
    internal void Abandon()
    {
        if (Reused >= 0)
            RemoveInput(Core.parameterNames(Parametrization)[Reused]);
        Dispose();
    }

    private void RemoveInput(string name)
    {
        if (IsBuffer)
            ModuleInternals.Buffers(this).Remove(name);
        else
            ModuleInternals.Parameters(this).Remove(name);
    }

    /// <summary>Writes new buffers into the present ones.</summary>
    /// <returns>How many writes libtorch has counted: inference tensors do not count theirs.</returns>
    private long WriteBuffers(Parts next) => WriteBuffers(next.BufferArrays);

    private long WriteBuffers(Tensor[][] next)
    {
        using var _ = no_grad();
        var counted = 0L;
        foreach (var (buffer, changed) in _buffers.SelectMany(row => row).Zip(next.SelectMany(row => row)))
            if (!ReferenceEquals(buffer, changed))
            {
                var before = Versions.Of([buffer]);
                buffer.copy_(changed);
                counted += Versions.Of([buffer]) == before ? 0 : 1;
                changed.Dispose();
            }
        return counted;
    }

    /// <summary>Computes from the parts, with shared access, so that no thread writes to them meanwhile.</summary>
    private T FromParts<T>(Func<Parts, T> compute)
    {
        Binding.SyncWithModules();
        RefreshWritten();
        using var lease = Binding.Access.Reading();
        return FromPartsInUse(compute);
    }

    private FSharpResult<Parts, ParametrizationError> Assign(Tensor value, bool wasSuited = false, long? lentAt = null)
    {
        ArgumentNullException.ThrowIfNull(value);
        using var alone = Binding.Access.Writing();
        Binding.SyncWithModules();
        using var scope = NewDisposeScope();
        var present = CurrentParts();
        var hasMoved = wasSuited && !value.HasSameTypeAndDevice(Inputs[0]);
        var parts = Core.rightInverse(
            Parametrization,
            present,
            hasMoved ? value.to(Inputs[0].dtype, Inputs[0].device) : value
        );
        // A tensor that was allowed in the element type in which it was assigned may be refused in the present one, because of
        // rounding.
        if (hasMoved && parts.IsError)
            parts = Core.rightInverse(Parametrization, PartsIn(value), value);
        if (parts.IsOk)
            if (lentAt is { } writes && Versions.Of(Tensors) != writes)
                parts.ResultValue.Discard();
            else
                WriteAndDispose(parts.ResultValue);
        if (parts.IsOk && FormModule.epsilon(Inputs[0].dtype) < FormModule.epsilon(value.dtype))
            WriteBuffers(Core.repair(Parametrization, CurrentParts()));
        return parts;
    }

    /// <summary>Copies of the parts in the element type and on the device of a tensor.</summary>
    private Parts PartsIn(Tensor other)
    {
        using var _ = no_grad();
        Tensor Copy(Tensor part) => part.to(other.dtype, other.device);
        return EachPart(Copy, Copy);
    }

    private Parts EachPart(Func<Tensor, Tensor> input, Func<Tensor, Tensor> buffer) =>
        new Parts(Shape, [.. Inputs.Select(input)], [.. _buffers.Select(row => row.Select(buffer).ToArray())]);

    /// <summary>Writes parts into the present ones, and disposes them.</summary>
    private void WriteAndDispose(Parts parts)
    {
        try
        {
            Write(parts);
        }
        finally
        {
            parts.Discard();
        }
    }

    private static NodeBuffers[] NewNodes(Parametrization value, Parts parts, int from) =>
        [
            .. Core.nodes(value)
                .Index()
                .Skip(from)
                .Select(node => new NodeBuffers(
                    node.Item.Buffers.Select(buffer => buffer.Name),
                    parts.BufferArrays[node.Index]
                )),
        ];

    private void AddNodes(IReadOnlyList<NodeBuffers> nodes)
    {
        foreach (var node in nodes)
        {
            node.train(training);
            ModuleInternals.AddChild(this, $"{ModuleInternals.Children(this).Count}", node);
        }
    }

    /// <summary>Reads again what moving has replaced.</summary>
    private void ReadAgain()
    {
        Inputs =
        [
            .. Core.parameterNames(Parametrization).Select(name => IsBuffer ? get_buffer(name)! : get_parameter(name)!),
        ];
        _kind = (Inputs[0].dtype, Inputs[0].device);
        _buffers = [.. named_children().Select(child => ((NodeBuffers)child.module).Tensors())];
        Tensors = [.. Inputs, .. _buffers.SelectMany(row => row)];
        _writes = OutsideWrites.Of(Parametrization, Inputs, _buffers, () => training);
    }
}

using System.Diagnostics.CodeAnalysis;
using Microsoft.FSharp.Core;
using Parametrize.CSharp.Grouping;
using Parametrize.CSharp.Torch;
using Parametrize.CSharp.Values;
using static TorchSharp.torch;
using Core = Parametrize.ParametrizationModule;

namespace Parametrize.CSharp;

/// <content>Computing from the parts, and writing others into them.</content>
public sealed partial class ParametrizedTensor
{
    /// <summary>Whether evaluating writes into the buffers.</summary>
    internal bool IsLearning => Core.learns(Parametrization) && training;

    private bool IsRandom => Core.hasNoise(Parametrization) && training;

    /// <summary>The value now, learning what training steps learn, and how many writes to the buffers that took.</summary>
    internal Tensor Evaluate(out long learnt)
    {
        RequireComputable();
        if (GroupedValues.Take(this, out learnt) is { } computed)
            return computed;
        if (!Core.learns(Parametrization))
            return Computed(CurrentParts());

        // The graph keeps the tensors that forward has used. It gets new ones: the buffers are written after, or by a
        // training pass between this one and its backward.
        if (!training)
        {
            using var copies = NewDisposeScope();
            Tensor[][] kept = [.. _buffers.Select(row => row.Select(buffer => buffer.clone()).ToArray())];
            return Core.forward(Parametrization, Core.ofArrays(Shape, Inputs, kept)).MoveToOuterDisposeScope();
        }
        var advanced = Core.advance(Parametrization, CurrentParts());
        var value = Computed(advanced);
        learnt = Carry(advanced);
        return value;
    }

    /// <summary>Assigns a tensor, or what the policy makes of one that is not allowed; masks in use stay.</summary>
    /// <param name="value">Of the shape, dtype and device of <see cref="Value"/>. It is copied.</param>
    /// <param name="whenNotAllowed">What to do when it is not allowed with the masks in use.</param>
    /// <exception cref="ParametrizationException">The tensor does not suit, or the policy refuses it.</exception>
    public void Assign(Tensor value, WhenNotAllowed whenNotAllowed)
    {
        ArgumentNullException.ThrowIfNull(value);
        Binding.SyncWithModules();
        using var alone = Binding.Access.Writing();
        Spend(StartingParts.ForAssigned(Parametrization, CurrentParts(), value, whenNotAllowed, Where));
    }

    /// <summary>New parts of the present value, whose base is that value.</summary>
    internal Parts Rebased()
    {
        Binding.SyncWithModules();
        using var lease = Binding.Access.Reading();
        return Core.rebase(Parametrization, CurrentParts()).OrThrow(Where);
    }

    private Tensor Computed(Parts parts) =>
        IsRandom ? Core.forwardInTraining(Parametrization, parts) : Core.forward(Parametrization, parts);

    /// <summary>The parts of which PyTorch computes the same; those that differ are new. A query: it takes nothing in.</summary>
    internal Parts PartsOfPyTorch()
    {
        using var lease = Binding.Access.Reading();
        return Core.toPyTorch(Parametrization, CurrentParts());
    }

    internal Parts CurrentParts()
    {
        RequireComputable();
        return Core.ofArrays(Shape, Inputs, _buffers);
    }

    /// <summary>Writes new tensors into the old ones, so that optimizers and state dicts keep theirs.</summary>
    internal void Write(Parts parts)
    {
        using var alone = Binding.Access.Writing();
        foreach (var (old, next) in Tensors.Zip(parts.Tensors))
            old.WriteOver(next);
        _writes.Settle();
        Binding.Forget();
        Binding.ShowAgain();
    }

    /// <summary>Assigns the tensor, its projection when it is not allowed.</summary>
    internal void TakeNearest(Tensor value)
    {
        using var alone = Binding.Access.Writing();
        Spend(Core.extend(Parametrization, CurrentParts(), value).OrThrow(Where));
    }

    /// <summary>The value without gradients and without learning.</summary>
    internal Tensor Detached()
    {
        RefreshWritten();
        using var lease = Binding.Access.Reading();
        using var _ = no_grad();
        return Core.forward(Parametrization, CurrentParts());
    }

    /// <summary>
    /// Disposing this spares what it is computed from: one goes back to the module, and optimizers that have the others
    /// must find them, empty.
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

    /// <summary>Disposes what the module's own tensor has not been put into, and spares that.</summary>
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

    /// <summary>Writes the buffers that are new into those in use.</summary>
    /// <returns>How many writes libtorch has counted: inference tensors do not count theirs.</returns>
    private long Carry(Parts next) => Carry(next.BufferArrays);

    private long Carry(Tensor[][] next)
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

    /// <summary>Computes from the parts, while nobody writes to them.</summary>
    private T FromParts<T>(Func<Parts, T> compute)
    {
        Binding.SyncWithModules();
        RefreshWritten();
        using var lease = Binding.Access.Reading();
        return compute(CurrentParts());
    }

    private FSharpResult<Parts, ParametrizationError> Assign(Tensor value, long? lentAt = null)
    {
        ArgumentNullException.ThrowIfNull(value);
        using var alone = Binding.Access.Writing();
        Binding.SyncWithModules();
        var parts = Core.rightInverse(Parametrization, CurrentParts(), value);
        if (parts.IsOk)
            if (lentAt is { } writes && Versions.Of(Tensors) != writes)
                parts.ResultValue.Discard();
            else
                Spend(parts.ResultValue);
        return parts;
    }

    /// <summary>Writes parts that nobody needs afterwards.</summary>
    private void Spend(Parts parts)
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
                .Select(one => new NodeBuffers(
                    one.Item.Buffers.Select(buffer => buffer.Name),
                    Core.buffersOf(parts, one.Index)
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
    [MemberNotNull(nameof(_writes))]
    private void ReadAgain()
    {
        Inputs =
        [
            .. Core.parameterNames(Parametrization).Select(name => IsBuffer ? get_buffer(name)! : get_parameter(name)!),
        ];
        _buffers = [.. named_children().Select(child => ((NodeBuffers)child.module).Tensors())];
        Tensors = [.. Inputs, .. _buffers.SelectMany(row => row)];
        _writes = new(Parametrization, Inputs, _buffers, () => training);
    }
}

using Parametrize.CSharp.Values;

namespace Parametrize.CSharp;

/// <content>Getting new parts, and more nodes. Preparing them changes nothing.</content>
public sealed partial class ParametrizedTensor
{
    /// <summary>Prepares more nodes behind the present ones, with parts that keep the value if the new nodes allow it.</summary>
    internal Continuation Extended(Parametrization more, WhenNotAllowed whenNotAllowed)
    {
        RequireAdapters();
        var (longer, parts) = Longer(more, whenNotAllowed);
        return Grown(longer, parts);
    }

    /// <summary>Prepares copies of the parts of another tensor.</summary>
    /// <param name="other">A tensor with the same value or, when `isBehind`, one whose nodes read the value of this tensor.</param>
    /// <param name="isBehind">Whether its nodes come behind the present ones.</param>
    internal Continuation Copying(ParametrizedTensor other, bool isBehind)
    {
        RequireAdapters();
        if (!isBehind)
            return Grown(Parametrization, other.CopiedParts(Inputs[0].device));
        var (longer, extended) = Longer(other.Parametrization, WhenNotAllowed.Project);
        var copies = other.CopiedParts(Inputs[0].device);
        var own = _buffers.Select((_, position) => extended.BufferArrays[position]).ToList();
        extended.Discard(except: [.. Tensors, .. own.SelectMany(row => row)]);
        var others = other._buffers.Select((_, position) => copies.BufferArrays[position]);
        return Grown(longer, new Parts(Shape, [.. copies.Parameters], [.. own, .. others]));
    }

    private (Parametrization Value, Parts Parts) Longer(Parametrization more, WhenNotAllowed whenNotAllowed)
    {
        using var alone = Binding.Access.Writing();
        using var lasting = Modes.Lasting();
        Binding.SyncWithModules();
        var composed = Core.tryAndThen(more, Parametrization);
        // The error `ReadsSeveralTensors` gives this advice itself.
        var advice = composed.ErrorOrNull() is { IsReadsSeveralTensors: true }
            ? null
            : "To replace what is registered, remove it first.";
        var longer = composed.OrThrow(Where, advice);
        // The identity has no node that would refuse to stand before one of several inputs.
        if (Core.parameterCount(longer) != Inputs.Length)
            throw new ParametrizationException(
                ParametrizationError.NewReadsSeveralTensors($"{Parametrization}", $"{more}"),
                Where
            );
        using var present = Detached();
        var parts =
            ContinuedParts(longer, more, present, whenNotAllowed)
            ?? StartingParts.ForMore(longer, more, CurrentParts(), present, whenNotAllowed, Where);
        return (longer, parts);
    }

    private Continuation Grown(Parametrization value, Parts parts)
    {
        try
        {
            return new(value, parts, NewNodes(value, parts, from: _buffers.Length));
        }
        catch
        {
            parts.Discard(except: Tensors);
            throw;
        }
    }

    internal Parts CopiedParts(Device device)
    {
        Binding.SyncWithModules();
        using var lease = Binding.Access.Reading();
        return EachPart(input => new Parameter(input.Copied(device)), buffer => buffer.Copied(device));
    }

    /// <summary>Takes over prepared nodes and parts. The parameters stay the same objects.</summary>
    internal void Apply(Continuation next)
    {
        using var alone = Binding.Access.Writing();
        using var lasting = Modes.Lasting();
        Parametrization = next.Value;
        AddNodes(next.Nodes);
        ReadAgain();
        Write(next.Parts);
    }

    /// <summary>Sets `requires_grad` of each parameter as in the other tensor.</summary>
    internal void TrainLike(ParametrizedTensor other)
    {
        if (!IsBuffer)
            foreach (var (input, like) in Inputs.Zip(other.Inputs))
                input.requires_grad = like.requires_grad;
    }
}

/// <summary>The new value and parts of a parametrized tensor.</summary>
/// <param name="Value">The new value; its first nodes are the present ones.</param>
/// <param name="Parts">The new parts; some may be present tensors.</param>
/// <param name="Nodes">The buffers of the new nodes; they are tensors of the parts.</param>
internal sealed record Continuation(Parametrization Value, Parts Parts, IReadOnlyList<NodeBuffers> Nodes);

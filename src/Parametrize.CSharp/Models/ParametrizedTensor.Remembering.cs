using Parametrize.CSharp.Torch;
using TorchSharp.Modules;
using static TorchSharp.torch;
using Core = Parametrize.ParametrizationModule;

namespace Parametrize.CSharp;

/// <content>Going back to an earlier state, and to that of another tensor.</content>
public sealed partial class ParametrizedTensor
{
    /// <summary>What this is computed from now, in copies.</summary>
    internal Memory Remember()
    {
        Binding.Follow();
        using var lease = Binding.Access.Reading();
        return new(
            Parametrization,
            [.. Inputs.Select(one => one.Copied())],
            [.. _buffers.Select(row => row.Select(one => one.Copied()).ToArray())]
        );
    }

    /// <summary>Undoes registering again and changes of the values since; the parameters stay the same objects.</summary>
    internal void Return(Memory memory)
    {
        using var alone = Binding.Access.Writing();
        Parametrization = memory.Value;
        var children = ModuleInternals.Children(this);
        for (var position = children.Count - 1; position >= memory.Buffers.Length; position--)
        {
            children[$"{position}"].Dispose();
            children.Remove($"{position}");
        }
        ReadAgain();
        Write(Core.ofArrays(Shape, memory.Inputs, memory.Buffers));
    }

    /// <summary>New parts with the numbers of these, elsewhere if need be.</summary>
    internal Parts CopiedParts(Device device)
    {
        Binding.Follow();
        using var lease = Binding.Access.Reading();
        return Core.ofArrays(
            Shape,
            [.. Inputs.Select(input => new Parameter(input.Copied(device)))],
            [.. _buffers.Select(row => row.Select(buffer => buffer.Copied(device)).ToArray())]
        );
    }

    /// <summary>Computes from the numbers of another tensor, whose nodes are the last of these.</summary>
    internal void TakeOver(ParametrizedTensor other)
    {
        using var copies = other.Remember();
        var own = _buffers.Take(_buffers.Length - copies.Buffers.Length);
        Write(Core.ofArrays(Shape, copies.Inputs, [.. own, .. copies.Buffers]));
    }

    /// <summary>Freezes what is frozen there.</summary>
    internal void TrainLike(ParametrizedTensor other)
    {
        if (!IsBuffer)
            foreach (var (input, like) in Inputs.Zip(other.Inputs))
                input.requires_grad = like.requires_grad;
    }

    /// <summary>The description and the tensors of a moment.</summary>
    internal sealed record Memory(Parametrization Value, Tensor[] Inputs, Tensor[][] Buffers) : IDisposable
    {
        public void Dispose()
        {
            foreach (var tensor in Inputs.Concat(Buffers.SelectMany(row => row)))
                tensor.Dispose();
        }
    }
}

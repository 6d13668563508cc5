using Parametrize.CSharp.Binding;
using static TorchSharp.torch;
using Core = Parametrize.ParametrizationModule;

namespace Parametrize.CSharp;

/// <content>Going back to an earlier state.</content>
public sealed partial class ParametrizedTensor
{
    /// <summary>What this is computed from now, in copies.</summary>
    internal Memory Remember()
    {
        Binding?.Follow();
        return new(Parametrization, [.. _inputs.Select(Copy)], [.. _buffers.Select(row => row.Select(Copy).ToArray())]);
    }

    /// <summary>Undoes registering again and changes of the values since; the parameters stay the same objects.</summary>
    internal void Return(Memory memory)
    {
        Parametrization = memory.Value;
        var children = ModuleInternals.Children(this);
        for (var position = children.Count - 1; position >= memory.Buffers.Length; position--)
        {
            children[$"{position}"].Dispose();
            children.Remove($"{position}");
        }
        Refresh();
        Write(Core.ofArrays(memory.Inputs, memory.Buffers));
    }

    private static Tensor Copy(Tensor tensor) => tensor.detach().clone().DetachFromDisposeScope();

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

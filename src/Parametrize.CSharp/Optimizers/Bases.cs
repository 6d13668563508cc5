using Parametrize.CSharp.Threads;
using Parametrize.CSharp.Values;

namespace Parametrize.CSharp.Optimizers;

/// <summary>Moving the bases of several tensors: everything that can fail comes first.</summary>
internal static class Bases
{
    public static void Move(IReadOnlyList<ParametrizedTensor> tensors, optim.Optimizer? optimizer)
    {
        using var alone = TensorAccess.WritingAll(tensors.Select(tensor => tensor.Binding.Access));
        var moved = new List<Parts>();
        try
        {
            var parameters = tensors.SelectMany(tensor => tensor.parameters()).ToList();
            var resets = optimizer is null ? [] : Momenta.Resets(optimizer, parameters);
            foreach (var tensor in tensors)
                moved.Add(tensor.Rebased());

            using var _ = no_grad();
            foreach (var (tensor, parts) in tensors.Zip(moved))
                tensor.Write(parts);
            // The gradients belong to the function with the old base.
            foreach (var parameter in parameters)
                parameter.grad = null;
            using var handles = NewDisposeScope(); // TorchSharp makes a new one for each operation in place.
            foreach (var reset in resets)
                reset();
        }
        finally
        {
            foreach (var parts in moved)
                parts.Discard();
        }
    }
}

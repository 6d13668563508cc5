using Parametrize.CSharp.Optimizers;
using Parametrize.CSharp.Registration;

namespace Parametrize.CSharp;

/// <content>Optimizers that were built before registering.</content>
public static partial class parametrize
{
    /// <summary>
    /// Lets an optimizer that was built before registering train the parameters that registering has made: weight norm's magnitude,
    /// a joint tensor, or a parameter of another shape than the module's tensor. The optimizer trains the module's own parameter
    /// anyway.
    /// </summary>
    /// <remarks>
    /// Each new parameter joins the group of the tensor's other parameters, or of the module's parameters that it replaces. So it
    /// has their options and follows their learning rate schedulers. A tensor whose parameter the optimizer did not train before
    /// registering stays out of it. Parameters of adapters, and of tensors that had none, join the first group. Frozen parameters are left out, unless the optimizer was
    /// built from `model.parameters()`, which lists them. Such an optimizer enumerates this list anew at each step, and each step
    /// throws a KeyNotFoundException until this method is called. Calling it again adds nothing, and takes out the parameters
    /// that were added for tensors that have been removed since, with their state.
    /// </remarks>
    /// <param name="optimizer">Any optimizer of TorchSharp but LBFGS, whose parameters cannot be changed.</param>
    /// <param name="model">The model, or the part of it that the optimizer trains.</param>
    /// <returns>The parameters that were added, in the order of the model.</returns>
    /// <exception cref="NotSupportedException">The optimizer cannot be given more parameters; nothing has changed.</exception>
    /// <exception cref="ArgumentException">The optimizer has no parameter group.</exception>
    public static IReadOnlyList<Parameter> add_parametrized_parameters(this optim.Optimizer optimizer, nn.Module model)
    {
        ArgumentNullException.ThrowIfNull(optimizer);
        ArgumentNullException.ThrowIfNull(model);
        var tensors = ModelTree.Tensors(model).ConvertAll(entry => entry.Tensor);
        if (optimizer is OptimizerHelper managed)
        {
            var groups = new OptimizerGroups(managed);
            return [.. tensors.SelectMany(groups.AddMissing)];
        }
        RequireAll(optimizer, tensors.SelectMany(tensor => tensor.parameters()));
        return [];
    }

    private static void RequireAll(optim.Optimizer optimizer, IEnumerable<Parameter> inputs)
    {
        // In native memory, parameters are known by what their handles point at; each reading makes new objects.
        using var _ = NewDisposeScope();
        var known = optimizer.parameters().Select(NativeTensors.Identity).ToHashSet();
        var missing = inputs.Count(input => input.requires_grad && !known.Contains(NativeTensors.Identity(input)));
        if (missing > 0)
            throw new NotSupportedException(
                $"{optimizer.GetType().Name} keeps the parameters that it was built with, and lacks {missing} of the "
                    + "model's parametrized tensors. Build it after registering."
            );
    }
}

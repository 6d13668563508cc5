using Parametrize.CSharp.Optimizers;
using Parametrize.CSharp.Registration;
using Parametrize.CSharp.Torch;
using TorchSharp.Modules;
using static TorchSharp.torch;

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
    /// Each joins the group of the parameters from which the same tensor is computed, or in whose place it is, so it has
    /// their options and follows their learning rate schedulers. If the optimizer has none of them, it joins the first
    /// group: where not everything is trained, call it with the part of the model that is. Frozen parameters are left
    /// out, except where the optimizer was built from `model.parameters()`, which has them. Such an optimizer reads that
    /// anew at each step, and throws a KeyNotFoundException there until this is called. Calling it again adds nothing, and
    /// takes out the parameters that were added for tensors that have been removed since, with their state.
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
        RequireAll(optimizer, tensors.SelectMany(one => one.parameters()));
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

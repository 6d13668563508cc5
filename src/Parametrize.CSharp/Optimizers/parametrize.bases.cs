using Parametrize.CSharp.Optimizers;
using Parametrize.CSharp.Registration;

namespace Parametrize.CSharp;

/// <content>Moving the base of trivializations during training.</content>
public static partial class parametrize
{
    /// <summary>
    /// Moves the base of a trivialization to the present tensor and its parameter to the zero of the map, as dynamic
    /// trivializations do every so many steps (Lezcano-Casado 2019). The value stays, and so do the parameter objects;
    /// their gradients, those of another function, are cleared.
    /// </summary>
    /// <remarks>
    /// Given the optimizer, the moved parameters' momenta become zero, in place: they are directions at the old base. Averages of
    /// squared gradients and counts of steps stay: without them the next step would be too long. Without the optimizer, the
    /// momenta stay; they are correct up to the distance from the old base. Pass the optimizer if bases move now and then. Do not
    /// pass it if they move at every step or two: resetting would then leave no momentum.
    /// </remarks>
    /// <param name="name">The name under which the tensor was registered.</param>
    /// <param name="optimizer">
    /// The optimizer that trains the tensor; its momenta are reset. Default: none, no momenta are reset.
    /// </param>
    /// <exception cref="ArgumentException">The tensor of that name is not parametrized.</exception>
    /// <exception cref="InvalidOperationException">It has no base.</exception>
    /// <exception cref="NotSupportedException">
    /// The optimizer is LBFGS or not one of TorchSharp, so its momenta cannot be reset; nothing has changed.
    /// </exception>
    /// <exception cref="ParametrizationException">The present tensor is not allowed (NaN); nothing has changed.</exception>
    public static T update_base<T>(this T module, string name, optim.Optimizer? optimizer = null)
        where T : nn.Module
    {
        var tensor = module.parametrization(name);
        if (!tensor.HasBase)
            throw new InvalidOperationException(
                $"{tensor.Where ?? name} is {tensor.Code}, which has no base. Trivializations have one, such as "
                    + "`Orthogonal`, `Cayley`, `MatrixExp`, `Householder`, `SphereExp`, `Grassmann` and `Symplectic`."
            );
        Bases.Move([tensor], optimizer);
        return module;
    }

    /// <summary>
    /// Moves the base of every tensor of a model that has one: all move, or none. Adapters stay: their frozen weight is no base.
    /// </summary>
    /// <param name="optimizer">
    /// The optimizer that trains the tensors; their momenta are reset. Default: none, no momenta are reset.
    /// </param>
    /// <returns>The names of the moved tensors; none when no tensor has a base.</returns>
    /// <exception cref="NotSupportedException">As of <see cref="update_base"/>; nothing has changed.</exception>
    /// <exception cref="ParametrizationException">A present tensor is not allowed; nothing has changed.</exception>
    public static IReadOnlyList<string> update_bases(this nn.Module model, optim.Optimizer? optimizer = null)
    {
        ArgumentNullException.ThrowIfNull(model);
        var based = ModelTree.Tensors(model).Where(entry => entry.Tensor.HasBase && !entry.Tensor.IsAdapter).ToList();
        Bases.Move([.. based.Select(entry => entry.Tensor)], optimizer);
        return [.. based.Select(entry => entry.Name)];
    }
}

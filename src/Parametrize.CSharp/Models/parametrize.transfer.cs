using Parametrize.CSharp.Models;
using Parametrize.CSharp.Registration;

namespace Parametrize.CSharp;

/// <content>The same parametrizations in another module.</content>
public static partial class parametrize
{
    /// <summary>
    /// Gives a module the parametrizations of another module, with copies of their parameters and buffers. It transfers all tensors
    /// or none. Does nothing when <paramref name="from_module"/> is not parametrized.
    /// </summary>
    /// <remarks>
    /// As in PyTorch, the classes may differ, and the value is composed behind a value that the target already has, which then
    /// reads the transferred parameter. Unlike in PyTorch, nothing is shared afterwards, the tensors have to exist in the target,
    /// and frozen parameters stay frozen.
    /// </remarks>
    /// <param name="from_module">The module that has the parametrizations; it stays as it is.</param>
    /// <param name="to_module">The module that gets them; its parameter objects stay.</param>
    /// <param name="tensor_name">One tensor, or all of the module itself. Default: all.</param>
    /// <exception cref="ArgumentException">
    /// A tensor is not parametrized in the source, or is missing or of another form in the target; nothing has changed.
    /// </exception>
    /// <exception cref="ParametrizationException">
    /// The value cannot be composed behind a value that the target already has.
    /// </exception>
    /// <exception cref="InvalidOperationException">
    /// The value would merge with a value that the target already has, and the parts would then be those of neither.
    /// </exception>
    public static T transfer_parametrizations_and_params<T>(
        nn.Module from_module,
        T to_module,
        string? tensor_name = null
    )
        where T : nn.Module
    {
        ArgumentNullException.ThrowIfNull(from_module);
        ArgumentNullException.ThrowIfNull(to_module);
        var names = tensor_name is null
            ? ParametrizationSet.Of(from_module)?.named_children().Select(child => child.name) ?? []
            : [tensor_name];
        Transfer.CarryOut([
            .. names.Select(name => new Transfer(
                name,
                from_module.parametrization(name),
                TensorPath.Resolve(to_module, name),
                Appends: true
            )),
        ]);
        return to_module;
    }

    /// <summary>
    /// Gives a model the parametrizations of another one that is built alike, with their numbers: all of them or none. The two
    /// share nothing afterwards. Followed by `to.load_parametrized_state_dict(from.state_dict())`, which copies the other tensors,
    /// it makes the deep copy that TorchSharp lacks.
    /// </summary>
    /// <param name="from">The model that has the parametrizations; it stays as it is.</param>
    /// <param name="to">A model of the same modules under the same names; its parameter objects stay.</param>
    /// <exception cref="ArgumentException">The models are not alike; nothing has changed.</exception>
    /// <exception cref="InvalidOperationException">
    /// The target has other parametrizations, or some that the source lacks; nothing has changed.
    /// </exception>
    public static T copy_parametrizations<T>(nn.Module from, T to)
        where T : nn.Module
    {
        ArgumentNullException.ThrowIfNull(from);
        ArgumentNullException.ThrowIfNull(to);
        Transfer.CarryOut(TransferPlan.Of(from, to));
        return to;
    }
}

using Parametrize.CSharp.Joint;
using Parametrize.CSharp.Registration;

namespace Parametrize.CSharp;

/// <content>One parametrization over several tensors of a module.</content>
public static partial class parametrize
{
    /// <summary>
    /// Lets several tensors of a module, as one matrix, be computed by a parametrization: the affine map of weight and
    /// bias, the input and hidden kernels of a recurrent layer. The joint tensor is named `weight+bias`, and every verb
    /// that takes a name takes that one: `register_parametrization("weight+bias", ...)` joins side by side.
    /// </summary>
    /// <remarks>
    /// The module computes with views of one tensor, which is evaluated and saved once, as
    /// `parametrizations.weight+bias.original`. Assigning to one of the module's tensors keeps the others; it is refused if the
    /// space does not allow the whole. Removing gives the module its own parameter objects back. The joint tensor is a new
    /// parameter: <see cref="add_parametrized_parameters"/> adds it to an optimizer that was built before.
    /// </remarks>
    /// <param name="module">Any module, of TorchSharp or one's own.</param>
    /// <param name="names">
    /// Two or more tensors, none of them parametrized: `weight` and `bias`. All parameters or all buffers, all trained or
    /// none, of one element type and device.
    /// </param>
    /// <param name="parametrization">What constrains the joint tensor.</param>
    /// <param name="whenNotAllowed">What to do when the present tensors are not in the space.</param>
    /// <param name="dim">
    /// 1: side by side, each as the matrix of its first dimension and the rest, so that a bias is the last column. 0: on
    /// top of each other; all dimensions but the first agree. Default: 1.
    /// </param>
    /// <returns>The module.</returns>
    /// <exception cref="ArgumentException">A name is missing or there twice, or the tensors do not fit.</exception>
    /// <exception cref="InvalidOperationException">One is parametrized already, or tied to another module's.</exception>
    /// <exception cref="ParametrizationException">The joint tensor does not suit; nothing has changed.</exception>
    /// <exception cref="NotSupportedException">A tensor cannot be bound; the message says why.</exception>
    public static T register_parametrization<T>(
        this T module,
        IReadOnlyList<string> names,
        Parametrization parametrization,
        WhenNotAllowed whenNotAllowed = WhenNotAllowed.Project,
        int dim = 1
    )
        where T : nn.Module
    {
        ArgumentNullException.ThrowIfNull(module);
        ArgumentNullException.ThrowIfNull(names);
        ArgumentNullException.ThrowIfNull(parametrization);
        var path = TensorPath.Resolve(module, JointName.Of(names));
        TiedParameters.Register(module, path, parametrization, whenNotAllowed, dim);
        return module;
    }
}

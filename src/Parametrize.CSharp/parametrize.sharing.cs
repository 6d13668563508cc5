using Parametrize.CSharp.Registration;

namespace Parametrize.CSharp;

/// <content>One parametrized tensor for several modules.</content>
public static partial class parametrize
{
    /// <summary>
    /// Lets a module compute with a parametrized tensor of another module, or one that a module of your own holds: tied weights. In
    /// a cached scope it is computed once for all of them; it is trained and moved once.
    /// </summary>
    /// <remarks>
    /// The module's own tensor is emptied. `remove_parametrizations` gives it back, with the value. The last module that shares
    /// the tensor gets the shared parameter itself, unless you have made the tensor by its public constructor. Disposing one
    /// module does not affect the others.
    /// </remarks>
    /// <param name="module">Any module.</param>
    /// <param name="name">A parameter or buffer that is not parametrized: `weight`, or `decoder.weight` of a child.</param>
    /// <param name="tensor">Another module's `parametrization(name)`, or one's own. Of the same shape, dtype and device.</param>
    /// <returns>The module.</returns>
    /// <exception cref="ArgumentException">No tensor has that name, or it has another shape, dtype or device.</exception>
    /// <exception cref="InvalidOperationException">The tensor of that name is parametrized, or tied to another.</exception>
    /// <exception cref="NotSupportedException">The tensor cannot be bound; the message says why.</exception>
    public static T share_parametrization<T>(this T module, string name, ParametrizedTensor tensor)
        where T : nn.Module
    {
        ArgumentNullException.ThrowIfNull(module);
        ArgumentNullException.ThrowIfNull(name);
        ArgumentNullException.ThrowIfNull(tensor);
        TiedParameters.Share(module, TensorPath.Resolve(module, name), tensor);
        return module;
    }
}

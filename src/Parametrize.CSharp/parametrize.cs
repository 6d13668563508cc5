using Parametrize.CSharp.Grouping;
using Parametrize.CSharp.Registration;

namespace Parametrize.CSharp;

/// <summary>
/// The verbs of torch.nn.utils.parametrize for TorchSharp modules, under PyTorch's names. `module.call(x)` computes with
/// the parametrized tensor; `module.forward(x)` bypasses hooks and fails.
/// </summary>
public static partial class parametrize
{
    /// <summary>
    /// Lets one tensor of a module be computed by a parametrization. If the value has a parameter of the tensor's shape, this
    /// parameter is the module's own object, under the name `original` (one of several: `original1`), and an optimizer that was
    /// built before keeps training it. All other parameters are new: <see cref="add_parametrized_parameters"/> adds them to the
    /// optimizer. Registering again adds nodes behind the present ones.
    /// </summary>
    /// <remarks>
    /// It runs RegisterComponents: in the constructor of a module, assign all fields before registering on the module's own tensors.
    /// Outside a cached scope, calls of one module from several threads wait for one another. The value is copied into the native
    /// memory of RNN, LSTM, GRU, attention and transformers. Open a cached scope if you call such a module twice before one backward, or
    /// with a PackedSequence. A parameter that modules inside <paramref name="module"/> share stays shared. Modules outside are not
    /// found and would go on with the unconstrained parameter, so register on the model that contains them all.
    /// </remarks>
    /// <param name="module">Any module, of TorchSharp or one's own.</param>
    /// <param name="name">
    /// A parameter, a buffer or a field that holds a ParametrizedTensor: `weight`, or `encoder.weight` of a child.
    /// </param>
    /// <param name="parametrization">What constrains the tensor.</param>
    /// <param name="whenNotAllowed">What to do when the present tensor is not in the space.</param>
    /// <returns>The module.</returns>
    /// <exception cref="ArgumentException">The module has no tensor of that name.</exception>
    /// <exception cref="ParametrizationException">The tensor does not suit; nothing has changed.</exception>
    /// <exception cref="NotSupportedException">The tensor cannot be bound; the message says why.</exception>
    /// <exception cref="InvalidOperationException">The constructor of the tensor's module has not assigned all fields yet.</exception>
    public static T register_parametrization<T>(
        this T module,
        string name,
        Parametrization parametrization,
        WhenNotAllowed whenNotAllowed = WhenNotAllowed.Project
    )
        where T : nn.Module
    {
        ArgumentNullException.ThrowIfNull(module);
        ArgumentNullException.ThrowIfNull(name);
        ArgumentNullException.ThrowIfNull(parametrization);
        TiedParameters.Register(module, TensorPath.Resolve(module, name), parametrization, whenNotAllowed);
        return module;
    }

    /// <summary>
    /// Lets one tensor of a module be computed by a parametrization; a lambda points at the tensor:
    /// `layer.register_parametrization(l => l.weight, ...)`.
    /// </summary>
    /// <param name="module">Any module, of TorchSharp or one's own.</param>
    /// <param name="tensor">Reads the tensor from the module, or from a module inside it.</param>
    /// <param name="parametrization">What constrains the tensor.</param>
    /// <param name="whenNotAllowed">What to do when the present tensor is not in the space.</param>
    /// <returns>The module.</returns>
    /// <exception cref="ArgumentException">The lambda points at no parameter or buffer of the module.</exception>
    /// <exception cref="ParametrizationException">The tensor does not suit; nothing has changed.</exception>
    /// <exception cref="NotSupportedException">The tensor cannot be bound; the message says why.</exception>
    public static T register_parametrization<T>(
        this T module,
        Func<T, Tensor?> tensor,
        Parametrization parametrization,
        WhenNotAllowed whenNotAllowed = WhenNotAllowed.Project
    )
        where T : nn.Module
    {
        ArgumentNullException.ThrowIfNull(module);
        ArgumentNullException.ThrowIfNull(tensor);
        ArgumentNullException.ThrowIfNull(parametrization);
        TiedParameters.Register(module, TensorPath.Resolve(module, tensor(module)), parametrization, whenNotAllowed);
        return module;
    }

    /// <summary>Whether the module has a parametrized tensor, registered or in a field.</summary>
    /// <param name="module">The module. Modules inside it count only when the name leads there.</param>
    /// <param name="name">A tensor's name: `weight`, or `encoder.weight` of a child. Default: any tensor.</param>
    public static bool is_parametrized(this nn.Module module, string? name = null)
    {
        ArgumentNullException.ThrowIfNull(module);
        ParametrizationSet.RequireAlive(module);
        return name is null
            ? ParametrizationSet.Of(module) is not null || ModelTree.HeldBy(module).Any()
            : TensorPath.Find(module, name) is not null;
    }

    /// <summary>The parametrized tensor of that name; for the name of a member, the joint tensor.</summary>
    /// <param name="module">The module.</param>
    /// <param name="name">`weight`, or `encoder.weight` of a child.</param>
    /// <returns>The same object at each call; the module disposes it.</returns>
    /// <exception cref="ArgumentException">The tensor of that name is not parametrized.</exception>
    public static ParametrizedTensor parametrization(this nn.Module module, string name)
    {
        ArgumentNullException.ThrowIfNull(module);
        ArgumentNullException.ThrowIfNull(name);
        return TensorPath.Find(module, name) ?? throw TensorPath.NotParametrized(module, name);
    }

    /// <summary>Gives the module a plain tensor again, the same parameter object as before.</summary>
    /// <param name="module">The module.</param>
    /// <param name="name">The name under which the tensor was registered.</param>
    /// <param name="leave_parametrized">
    /// True: the tensor keeps the constrained value. False: it becomes the unconstrained parameter, which must be a single tensor.
    /// </param>
    /// <returns>The module.</returns>
    /// <exception cref="ArgumentException">The tensor of that name is not parametrized.</exception>
    /// <exception cref="InvalidOperationException">
    /// The unconstrained tensors are several, or the module holds the parametrized tensor itself, in a field.
    /// </exception>
    public static T remove_parametrizations<T>(this T module, string name, bool leave_parametrized = true)
        where T : nn.Module
    {
        ArgumentNullException.ThrowIfNull(module);
        ArgumentNullException.ThrowIfNull(name);
        Registrar.Remove(TensorPath.Resolve(module, name), leave_parametrized);
        return module;
    }

    /// <summary>
    /// Whether small tensors of a model that have equal values, shapes and element types are computed as one batch when the
    /// model is called or a cached scope opens. Default: true. Values and gradients are the same up to rounding.
    /// </summary>
    public static bool GroupsAlike
    {
        get => GroupedValues.AreOn;
        set => GroupedValues.AreOn = value;
    }

    /// <summary>
    /// Opens a scope in which each parametrized tensor is computed once; disposing the result ends it. Tensors that the present
    /// thread or task has registered are computed now, unless they learn or draw random numbers; all others are computed at their
    /// first use.
    /// </summary>
    public static CachedScope cached() => new();

    /// <summary>Computes the parametrized tensors of one model now, and keeps them until the result is disposed.</summary>
    public static CachedScope cached(nn.Module model)
    {
        ArgumentNullException.ThrowIfNull(model);
        return new(model, ModelTree.Tensors(model).Select(entry => entry.Tensor.Binding));
    }
}

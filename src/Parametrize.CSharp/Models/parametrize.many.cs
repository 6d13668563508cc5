using Parametrize.CSharp.Models;
using Parametrize.CSharp.Registration;

namespace Parametrize.CSharp;

/// <content>Registering on many modules at once.</content>
public static partial class parametrize
{
    /// <summary>
    /// Registers one parametrization on a tensor of every module that a predicate picks: all of them, or none when one
    /// refuses.
    /// </summary>
    /// <remarks>
    /// A module that has several names is picked once, under the first. A parameter that several modules of the model share stays
    /// shared, also with modules that were not picked.
    /// </remarks>
    /// <param name="where">
    /// Called once for each module, with the module and its dotted name: its first name if it has several, the empty text for the
    /// model itself.
    /// </param>
    /// <param name="tensor_name">Which tensor of each: `weight`, or `encoder.weight` of a child.</param>
    /// <param name="parametrization">What constrains the tensors.</param>
    /// <param name="whenNotAllowed">What to do when a present tensor is not in the space.</param>
    /// <param name="allowNone">
    /// Whether it is allowed to pick no module. Default: it is an error, because the name is most often misspelt.
    /// </param>
    /// <returns>The names of the tensors, as <see cref="parametrization"/> takes them, in the order of the modules.</returns>
    /// <exception cref="ArgumentException">A picked module has no tensor of that name, or none was picked.</exception>
    /// <exception cref="ParametrizationException">A tensor does not suit; nothing has changed.</exception>
    /// <exception cref="NotSupportedException">A tensor cannot be bound; nothing has changed.</exception>
    public static IReadOnlyList<string> register_parametrizations(
        this nn.Module model,
        Func<string, nn.Module, bool> where,
        string tensor_name,
        Parametrization parametrization,
        WhenNotAllowed whenNotAllowed = WhenNotAllowed.Project,
        bool allowNone = false
    )
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(where);
        ArgumentNullException.ThrowIfNull(tensor_name);
        ArgumentNullException.ThrowIfNull(parametrization);
        var modules = ModelTree.Modules(model, registering: true);
        var picked = modules.Where(entry => where(entry.Name, entry.Module)).ToList();
        if (picked.Count == 0 && !allowNone)
            throw new ArgumentException(
                $"No module of {model.Title()} was picked. It has: "
                    + $"{string.Join(", ", modules.Select(entry => $"{(entry.Name.Length == 0 ? "itself" : entry.Name)} ({entry.Module.Title()})"))}. Pass allowNone: true where none may be.",
                nameof(where)
            );
        return ManyRegistrations.Register(model, picked, tensor_name, parametrization, whenNotAllowed);
    }

    /// <summary>
    /// Registers one parametrization on a tensor of every module of a class:
    /// `model.register_parametrizations&lt;Linear&gt;("weight", value)`. Every convolution, transposed ones too, is a
    /// `Convolution`.
    /// </summary>
    /// <inheritdoc cref="register_parametrizations(nn.Module, Func{string, nn.Module, bool}, string, Parametrization, WhenNotAllowed, bool)"/>
    /// <typeparam name="TModule">The class, or one that several are derived from.</typeparam>
    /// <param name="allowNone">Whether the model may have no module of that class. Default: it is an error.</param>
    public static IReadOnlyList<string> register_parametrizations<TModule>(
        this nn.Module model,
        string tensor_name,
        Parametrization parametrization,
        WhenNotAllowed whenNotAllowed = WhenNotAllowed.Project,
        bool allowNone = false
    )
        where TModule : nn.Module =>
        model.register_parametrizations(
            (_, module) => module is TModule,
            tensor_name,
            parametrization,
            whenNotAllowed,
            allowNone
        );
}

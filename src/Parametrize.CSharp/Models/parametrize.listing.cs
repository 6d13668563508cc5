using Parametrize.CSharp.Registration;

namespace Parametrize.CSharp;

/// <content>What a whole model has.</content>
public static partial class parametrize
{
    /// <summary>
    /// The parametrized tensors of a model in the order of its modules: those registered on a module under the tensor's name
    /// (`encoder.weight`), those that a module of your own holds, under the name of the field (`cell.kernel`).
    /// </summary>
    /// <returns>Each tensor once, a shared one under its first name; empty when there are none.</returns>
    public static IReadOnlyList<(string name, ParametrizedTensor tensor)> parametrizations(this nn.Module model)
    {
        ArgumentNullException.ThrowIfNull(model);
        return ModelTree.Tensors(model);
    }

    /// <summary>
    /// The parameters from which parametrized tensors are computed. Give them a group of their own in an optimizer if they need
    /// another learning rate or no weight decay: it pulls the parameters to zero, and the weight is then not zero in general.
    /// </summary>
    /// <returns>Each once.</returns>
    public static IReadOnlyList<Parameter> parametrized_parameters(this nn.Module model)
    {
        ArgumentNullException.ThrowIfNull(model);
        return
        [
            .. ModelTree
                .Tensors(model)
                .SelectMany(entry => entry.Tensor.parameters())
                .DistinctBy(parameter => parameter, NativeTensors.Comparer),
        ];
    }

    /// <summary>The parameters of a model that <see cref="parametrized_parameters"/> leaves.</summary>
    /// <returns>Each once.</returns>
    public static IReadOnlyList<Parameter> other_parameters(this nn.Module model)
    {
        ArgumentNullException.ThrowIfNull(model);
        var taken = new HashSet<Tensor>(model.parametrized_parameters(), NativeTensors.Comparer);
        // A placeholder in a module's registry is no parameter of the model.
        foreach (var (_, module, _) in ModelTree.Modules(model))
            taken.UnionWith(
                module
                    .named_parameters(recurse: false)
                    .Where(own => TensorPath.Find(module, own.name) is not null)
                    .Select(own => own.parameter)
            );
        return
        [
            .. model
                .parameters()
                .Where(parameter => !taken.Contains(parameter))
                .DistinctBy(parameter => parameter, NativeTensors.Comparer),
        ];
    }
}

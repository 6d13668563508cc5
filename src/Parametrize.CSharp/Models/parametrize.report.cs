using Parametrize.CSharp.Registration;
using static TorchSharp.torch;

namespace Parametrize.CSharp;

/// <content>A model's parametrizations in numbers.</content>
public static partial class parametrize
{
    /// <summary>
    /// For each parametrized tensor of a model: name, value, shape, element type, distance from its space, how many
    /// numbers are trained and how many the space leaves free. It computes each tensor once and changes nothing.
    /// </summary>
    /// <param name="model">The model.</param>
    /// <returns>A list whose ToString is a table.</returns>
    public static ParametrizationReport parametrization_report(this nn.Module model)
    {
        ArgumentNullException.ThrowIfNull(model);
        return new(ModelTree.Tensors(model));
    }
}

using Parametrize.CSharp.Registration;
using Parametrize.CSharp.Torch;
using static TorchSharp.torch;

namespace Parametrize.CSharp.Bayes;

/// <summary>A tensor of a model that can have a prior: a parametrized one, or a parameter of the model itself.</summary>
/// <param name="Names">All of its names: tied modules have one each.</param>
/// <param name="Tensor">The parametrized tensor, or null.</param>
/// <param name="Plain">The parameter, where it is not parametrized.</param>
internal sealed record PriorTarget(IReadOnlyList<string> Names, ParametrizedTensor? Tensor, Tensor? Plain)
{
    public string Name => Names[0];

    /// <summary>Each tensor once.</summary>
    public static IReadOnlyList<PriorTarget> Of(nn.Module model) => [.. Parametrized(model), .. Parameters(model)];

    public bool IsOn(Prior prior) => Tensor?.IsOn(prior) ?? PriorModule.isOn(prior, ParametrizationModule.identity);

    private static IEnumerable<PriorTarget> Parametrized(nn.Module model) =>
        from entry in ModelTree.AllNames(model)
        group entry.Name by entry.Tensor into one
        select new PriorTarget([.. one], one.Key, null);

    /// <summary>The parameters of a module, without the placeholders of parametrized tensors.</summary>
    private static IEnumerable<PriorTarget> Parameters(nn.Module model) =>
        from module in ModelTree.Modules(model, registering: true)
        from own in module.Module.named_parameters(recurse: false)
        where !own.parameter.IsInvalid && TensorPath.Find(module.Module, own.name) is null
        group (Name: ModelTree.Join(module.Name, own.name), own.parameter) by NativeTensors.Identity(
            own.parameter
        ) into one
        select new PriorTarget([.. one.Select(entry => entry.Name)], null, one.First().parameter);
}

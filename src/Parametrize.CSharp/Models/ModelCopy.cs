using static TorchSharp.torch;

namespace Parametrize.CSharp;

/// <summary>Compares two models, tensor by tensor.</summary>
internal static class ModelCopy
{
    /// <summary>What has to be transferred; throws when the models are not alike.</summary>
    public static IReadOnlyList<Transfer> Plan(nn.Module from, nn.Module to)
    {
        RequireAlike(from, to);
        var there = ModelTree.Tensors(to).ToDictionary(entry => entry.Name, entry => entry.Tensor);
        var transfers = new List<Transfer>();
        foreach (var (name, tensor) in ModelTree.Tensors(from))
            if (tensor.Binding is not null)
                transfers.Add(new(name, tensor, TensorPath.Resolve(to, name)));
            else if (there.TryGetValue(name, out var held))
                transfers.Add(new(name, tensor, default, held));
            else
                throw new ArgumentException($"{to.GetName()} holds no ParametrizedTensor '{name}'.", nameof(to));

        if (there.Keys.Except(transfers.Select(one => one.Name)).FirstOrDefault() is { } superfluous)
            throw new InvalidOperationException(
                $"{superfluous} is parametrized in the target, but not in the source. Remove it first."
            );
        transfers.ForEach(one => one.RequireSuitable());
        return transfers;
    }

    private static void RequireAlike(nn.Module from, nn.Module to)
    {
        var (here, there) = (Modules(from), Modules(to));
        var different = here.Except(there).Concat(there.Except(here)).Select(one => one.Name).FirstOrDefault();
        if (different is not null)
            throw new ArgumentException(
                $"The models are not alike: '{different}' is {Shown(here, different)} here, but "
                    + $"{Shown(there, different)} there.",
                nameof(to)
            );
    }

    private static List<(string Name, Type Type)> Modules(nn.Module model) =>
        ModelTree.Modules(model, registering: true).ConvertAll(one => (one.Name, one.Module.GetType()));

    private static string Shown(IEnumerable<(string Name, Type Type)> modules, string name) =>
        modules.FirstOrDefault(one => one.Name == name).Type?.Name ?? "absent";
}

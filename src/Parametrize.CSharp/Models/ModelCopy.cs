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
        foreach (var shared in ModelTree.AllNames(from).GroupBy(entry => entry.Tensor, entry => entry.Name))
            transfers.AddRange(PlanOne(shared.Key, [.. shared], from, to, there));

        if (there.Keys.Except(transfers.Select(one => one.Name)).FirstOrDefault() is { } superfluous)
            throw new InvalidOperationException(
                $"{superfluous} is parametrized in the target, but not in the source. Remove it first."
            );
        transfers.ForEach(one => one.RequireSuitable());
        return transfers;
    }

    /// <summary>The tensor under one of its names; under the others it is shared there too.</summary>
    private static IEnumerable<Transfer> PlanOne(
        ParametrizedTensor tensor,
        string[] names,
        nn.Module from,
        nn.Module to,
        Dictionary<string, ParametrizedTensor> there
    )
    {
        if (!tensor.IsOnesOwn)
        {
            var first = TensorPath.Resolve(to, names[0]);
            yield return new(names[0], tensor, first);
            foreach (var name in names.Skip(1))
                yield return new(name, tensor, TensorPath.Resolve(to, name), Lender: () => first.Tensor);
            yield break;
        }

        var own = names.First(name => name.Length == 0 || TensorPath.Find(from, name) is null);
        if (!there.TryGetValue(own, out var held))
            throw new ArgumentException($"{to.GetName()} holds no ParametrizedTensor '{own}'.", nameof(to));
        yield return new(own, tensor, default, held);
        foreach (var name in names.Where(name => name != own && TensorPath.Find(from, name) is not null))
            yield return new(name, tensor, TensorPath.Resolve(to, name), Lender: () => held);
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
